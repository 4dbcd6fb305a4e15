import type { ReactNode } from 'react';
import type { ApiKey } from '../../api/admin-types';
import { limited, limitsText } from '../../forms/limits';
import { useT } from '../../i18n';
import { Button, Dialog } from '../../ui/controls';
import { clock } from '../../ui/format';
import { oldSecretUntil, stateOf, works } from './key-model';

export type KeyAct = 'edit' | 'rotate' | 'revoke';

/** Everything that is known of a key, and what can be done with it. */
export function KeyDetails({ subject, onAct, onClose }: { subject: ApiKey; onAct: (act: KeyAct) => void; onClose: () => void }) {
    const t = useT();
    const now = Date.now();
    const names = subject.capabilities ?? [];
    const until = oldSecretUntil(subject, now);
    const time = (at: string | undefined, none: string) => (at ? clock(at) : none);
    const facts: [string, ReactNode][] = [
        ['Id', <code key="id">{subject.id}</code>],
        [t('key.state'), t(`key.${stateOf(subject, now)}`)],
        [t('key.role'), t(`role.${subject.role}`)],
        [t('key.tenant'), subject.tenant],
        [t('key.app'), subject.app ?? t('key.nobody')],
        [t('key.user'), subject.user ?? t('key.nobody')],
        [t('key.capabilities'), names.length > 0 ? names.join(', ') : t('key.all')],
        [t('key.addresses'), subject.addresses?.join(', ') ?? t('key.anywhere')],
        [t('limits.title'), limited(subject.limits) ? limitsText(subject.limits, t) : t('limits.none')],
        [t('job.created'), clock(subject.created_at)],
        [t('key.used'), time(subject.last_used_at, t('key.never'))],
        [t('key.rotated'), time(subject.rotated_at, t('key.never'))],
        ...(until ? [[t('key.old_secret'), t('key.until', { time: clock(until) })] as [string, ReactNode]] : []),
        [t('key.ends'), time(subject.revoked_at ?? subject.expires_at, t('key.never'))],
    ];
    return (
        <Dialog title={subject.name} open onClose={onClose} close={t('close')}>
            <dl className="key-facts">
                {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
            </dl>
            {works(stateOf(subject, now)) && (
                <div className="dialog-actions">
                    <Button look="danger" onClick={() => { onAct('revoke'); }}>{t('key.revoke')}</Button>
                    <Button onClick={() => { onAct('rotate'); }}>{t('key.rotate')}</Button>
                    <Button look="primary" onClick={() => { onAct('edit'); }}>{t('form.edit')}</Button>
                </div>
            )}
        </Dialog>
    );
}

import type { ApiKey } from '../../api/admin-types';
import { limitsText } from '../../forms/limits';
import { useT } from '../../i18n';
import { Badge, Button } from '../../ui/controls';
import { clock } from '../../ui/format';
import type { KeyAct } from './key-details';
import { oldSecretUntil, stateLook, stateOf, works } from './key-model';

export type OnKey = (act: KeyAct | 'details', key: ApiKey) => void;

function List({ names, none }: { names: string[] | undefined; none: string }) {
    return (
        <td className="key-names clip" title={names?.join(', ')}>
            {names?.length ? names.join(', ') : <span className="quiet">{none}</span>}
        </td>
    );
}

function Row({ subject, tenants, onKey }: { subject: ApiKey; tenants: boolean; onKey: OnKey }) {
    const t = useT();
    const now = Date.now();
    const state = stateOf(subject, now);
    const look = stateLook[state];
    const end = subject.revoked_at ?? subject.expires_at;
    const until = oldSecretUntil(subject, now);
    const owners = [subject.app, subject.user].filter(Boolean).join(' · ');
    return (
        <tr className={works(state) ? undefined : 'is-over'}>
            <td>
                <button
                    type="button" className="key-name clip" title={subject.name} aria-label={t('key.details_one', { name: subject.name })}
                    onClick={() => { onKey('details', subject); }}
                >
                    {subject.name}
                </button>
                <code className="quiet small">{subject.id}</code>
            </td>
            {tenants && <td>{subject.tenant}</td>}
            <td>{t(`role.${subject.role}`)}</td>
            <td className="key-names clip" title={owners}>{owners || <span className="quiet">–</span>}</td>
            <List names={subject.capabilities} none={t('key.all')} />
            <List names={subject.addresses} none={t('key.anywhere')} />
            <List names={[limitsText(subject.limits, t)].filter(Boolean)} none={t('limits.none')} />
            <td>
                <Badge tone={look.tone} icon={look.icon}>{t(`key.${state}`)}</Badge>
                {until && works(state) && <div className="small quiet">{t('key.two_until', { time: clock(until) })}</div>}
            </td>
            <td className="right">{subject.last_used_at ? clock(subject.last_used_at) : <span className="quiet">{t('key.never')}</span>}</td>
            <td className="right">{end ? clock(end) : <span className="quiet">{t('key.never')}</span>}</td>
            <td className="actions">
                {works(state) && (['edit', 'rotate', 'revoke'] as const).map((act) => (
                    <Button
                        key={act} small look="plain" aria-label={t(`key.${act}_one`, { name: subject.name })}
                        onClick={() => { onKey(act, subject); }}
                    >
                        {t(act === 'edit' ? 'form.edit' : `key.${act}`)}
                    </Button>
                ))}
            </td>
        </tr>
    );
}

export function KeysTable({ keys, tenants, onKey }: { keys: ApiKey[]; tenants: boolean; onKey: OnKey }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('nav.keys')}>
            <table className="table keys-table">
                <thead>
                    <tr>
                        <th scope="col">{t('key.name')}</th>
                        {tenants && <th scope="col">{t('key.tenant')}</th>}
                        <th scope="col">{t('key.role')}</th>
                        <th scope="col">{t('key.owners')}</th>
                        <th scope="col">{t('key.capabilities')}</th>
                        <th scope="col">{t('key.addresses')}</th>
                        <th scope="col">{t('limits.title')}</th>
                        <th scope="col">{t('key.state')}</th>
                        <th scope="col" className="right">{t('key.used')}</th>
                        <th scope="col" className="right">{t('key.ends')}</th>
                        <th scope="col" className="actions"><span className="hidden-text">{t('key.actions')}</span></th>
                    </tr>
                </thead>
                <tbody>
                    {keys.map((key) => <Row key={key.id} subject={key} tenants={tenants} onKey={onKey} />)}
                </tbody>
            </table>
        </div>
    );
}

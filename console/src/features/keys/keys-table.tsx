import type { ApiKey } from '../../api/admin-types';
import { useT } from '../../i18n';
import { Badge, Button } from '../../ui/controls';
import { clock } from '../../ui/format';
import { stateLook, stateOf, works } from './key-model';

function Row({ subject, tenants, onRevoke }: { subject: ApiKey; tenants: boolean; onRevoke: (key: ApiKey) => void }) {
    const t = useT();
    const state = stateOf(subject, Date.now());
    const look = stateLook[state];
    const names = subject.capabilities ?? [];
    const end = subject.revoked_at ?? subject.expires_at;
    return (
        <tr className={works(state) ? undefined : 'is-over'}>
            <td>
                <strong className="key-name clip" title={subject.name}>{subject.name}</strong>
                <code className="quiet small">{subject.id}</code>
            </td>
            {tenants && <td>{subject.tenant}</td>}
            <td>{t(`role.${subject.role}`)}</td>
            <td className="key-names clip" title={names.join(', ')}>
                {names.length === 0 ? <span className="quiet">{t('key.all')}</span> : names.join(', ')}
            </td>
            <td><Badge tone={look.tone} icon={look.icon}>{t(`key.${state}`)}</Badge></td>
            <td className="right">{clock(subject.created_at)}</td>
            <td className="right">{end ? clock(end) : <span className="quiet">{t('key.never')}</span>}</td>
            <td className="right">
                {works(state) && (
                    <Button
                        small look="plain" aria-label={t('key.revoke_one', { name: subject.name })}
                        onClick={() => { onRevoke(subject); }}
                    >
                        {t('key.revoke')}
                    </Button>
                )}
            </td>
        </tr>
    );
}

export function KeysTable({ keys, tenants, onRevoke }: {
    keys: ApiKey[]; tenants: boolean; onRevoke: (key: ApiKey) => void;
}) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('nav.keys')}>
            <table className="table keys-table">
                <thead>
                    <tr>
                        <th scope="col">{t('key.name')}</th>
                        {tenants && <th scope="col">{t('key.tenant')}</th>}
                        <th scope="col">{t('key.role')}</th>
                        <th scope="col">{t('key.capabilities')}</th>
                        <th scope="col">{t('key.state')}</th>
                        <th scope="col" className="right">{t('job.created')}</th>
                        <th scope="col" className="right">{t('key.ends')}</th>
                        <th scope="col"><span className="hidden-text">{t('key.actions')}</span></th>
                    </tr>
                </thead>
                <tbody>
                    {keys.map((key) => <Row key={key.id} subject={key} tenants={tenants} onRevoke={onRevoke} />)}
                </tbody>
            </table>
        </div>
    );
}

import { useT } from '../../i18n';
import { Badge } from '../../ui/controls';
import { count } from '../../ui/format';
import type { Pool } from './upstream-model';

export function PoolsTable({ pools }: { pools: Pool[] }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('up.pools')}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('up.model')}</th>
                        <th scope="col">{t('up.tenant')}</th>
                        <th scope="col">{t('up.profile')}</th>
                        <th scope="col">{t('up.up_of')}</th>
                        <th scope="col" className="right">{t('up.in_flight')}</th>
                        <th scope="col">{t('up.servers')}</th>
                    </tr>
                </thead>
                <tbody>
                    {pools.map((pool) => (
                        <tr key={`${pool.tenant}/${pool.model}`}>
                            <td>{pool.model}</td>
                            <td>{pool.tenant}</td>
                            <td>{pool.profile}</td>
                            <td>
                                {pool.up > 0
                                    ? <span className="num">{pool.up}<span className="quiet">/{pool.servers.length}</span></span>
                                    : <Badge tone="bad" icon="cross">{t('up.pool_down')}</Badge>}
                            </td>
                            <td className={`right${pool.in_flight === 0 ? ' zero' : ''}`}>{count(pool.in_flight)}</td>
                            <td className="up-text clip" title={pool.servers.join(', ')}>{pool.servers.join(', ')}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

import type { Worker } from '../../api/status-types';
import { useT, type Key } from '../../i18n';
import { SlotBar } from '../../ui/controls';
import { brief } from '../../ui/format';

const known: Record<string, Key> = {
    ready: 'worker.ready', busy: 'worker.busy', loading: 'worker.starting', draining: 'worker.draining', lost: 'worker.lost',
};

function tone(state: string): string {
    if (state === 'ready') return 'good';
    if (state === 'busy') return 'run';
    return state === 'lost' ? 'bad' : 'warn';
}

export function WorkersTable({ workers, now }: { workers: Worker[]; now: number }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('worker.title')}>
            <table className="table workers">
                <thead>
                    <tr>
                        <th scope="col">{t('worker.name')}</th>
                        <th scope="col">{t('worker.slots')}</th>
                        <th scope="col">{t('worker.state')}</th>
                        <th scope="col" className="right">{t('worker.since')}</th>
                    </tr>
                </thead>
                <tbody>
                    {workers.map((worker) => (
                        <tr key={worker.id}>
                            <td title={[worker.id, worker.address, ...worker.versions].filter(Boolean).join('\n')}>
                                <span className="worker-name clip">{worker.name}</span> <span className="quiet small">{worker.kind}</span>
                            </td>
                            <td>
                                <div className="slots">
                                    <SlotBar busy={worker.busy} slots={worker.slots} />
                                    <span className="num">
                                        {worker.busy}<span className="quiet">/{worker.slots}</span>
                                    </span>
                                </div>
                            </td>
                            <td>
                                <span className={`badge tone-${tone(worker.state)}`}>
                                    <i className="dot" />
                                    {known[worker.state] ? t(known[worker.state] as Key) : worker.state}
                                </span>
                            </td>
                            <td className="right num quiet">{brief((now - Date.parse(worker.since)) / 1000)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

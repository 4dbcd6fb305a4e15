import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Queue } from '../../api/status-types';
import { useT, type Key } from '../../i18n';
import { SlotBar } from '../../ui/controls';
import { count, duration, long, rate } from '../../ui/format';

type SortKey = 'capability' | 'queued' | 'running' | 'oldest_s' | 'rate' | 'p50_ms' | 'p99_ms';

const columns: { key: SortKey; label: Key; right?: boolean }[] = [
    { key: 'capability', label: 'queue.capability' },
    { key: 'queued', label: 'queue.queued', right: true },
    { key: 'oldest_s', label: 'queue.oldest', right: true },
    { key: 'running', label: 'queue.slots' },
    { key: 'rate', label: 'queue.rate', right: true },
    { key: 'p50_ms', label: 'queue.p50', right: true },
    { key: 'p99_ms', label: 'queue.p99', right: true },
];

const idOf = (queue: Queue) => `${queue.capability}@${queue.version}`;

/** Names rise, numbers fall; what is not there comes last. */
export function sorted(queues: Queue[], key: SortKey, falling: boolean): Queue[] {
    const sign = falling ? -1 : 1;
    return [...queues].sort((a, b) => {
        const byName = idOf(a).localeCompare(idOf(b));
        if (key === 'capability') return sign * byName;
        const left = a[key] ?? -1;
        const right = b[key] ?? -1;
        return left === right ? byName : sign * (left - right);
    });
}

function Value({ value, text }: { value: number | null; text: (value: number) => string }) {
    return <td className={`right${value ? '' : ' zero'}`}>{value === null ? '–' : text(value)}</td>;
}

function QueueRow({ queue }: { queue: Queue }) {
    const t = useT();
    const navigate = useNavigate();
    const busy = queue.slots - queue.free_slots;
    const note = queue.paused ? t('queue.paused') : queue.draining ? t('queue.draining') : '';
    const address = `/jobs?capability=${encodeURIComponent(idOf(queue))}`;
    return (
        <tr className="link" onClick={() => { void navigate(address); }}>
            <td>
                <Link to={address} onClick={(event) => { event.stopPropagation(); }}>{queue.capability}</Link>
                <span className="quiet">@{queue.version}</span>
                {note && <span className="tone-warn small"> {note}</span>}
            </td>
            <Value value={queue.queued} text={count} />
            <Value value={queue.oldest_s} text={long} />
            <td>
                <div className="slots">
                    <SlotBar busy={busy} slots={queue.slots} />
                    {queue.slots > 0
                        ? <span className="num">{busy}<span className="quiet">/{queue.slots}</span></span>
                        : <span className="tone-warn">{t('queue.no_slots')}</span>}
                </div>
            </td>
            <Value value={queue.rate} text={rate} />
            <Value value={queue.p50_ms} text={duration} />
            <Value value={queue.p99_ms} text={duration} />
        </tr>
    );
}

export function QueuesTable({ queues }: { queues: Queue[] }) {
    const t = useT();
    const [sort, setSort] = useState<{ key: SortKey; falling: boolean }>({ key: 'capability', falling: false });
    const by = (key: SortKey) => {
        setSort((now) => ({ key, falling: now.key === key ? !now.falling : key !== 'capability' }));
    };
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('queue.title')}>
            <table className="table">
                <thead>
                    <tr>
                        {columns.map(({ key, label, right }) => (
                            <th
                                key={key} scope="col" className={right ? 'right' : undefined}
                                aria-sort={sort.key !== key ? undefined : sort.falling ? 'descending' : 'ascending'}
                            >
                                <button type="button" onClick={() => { by(key); }}>{t(label)}</button>
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {sorted(queues, sort.key, sort.falling).map((queue) => <QueueRow key={idOf(queue)} queue={queue} />)}
                </tbody>
            </table>
        </div>
    );
}

import { useState } from 'react';
import { useT, type Key } from '../../i18n';
import { bytes, count, duration } from '../../ui/format';
import { sorted, type By, type Group, type SortKey } from './usage-model';

interface Column {
    key: SortKey;
    label: Key;
    text: (group: Group) => string;
}

const columns: Column[] = [
    { key: 'jobs', label: 'usage.jobs', text: ({ jobs }) => count(jobs) },
    { key: 'failed', label: 'usage.failed', text: ({ failed }) => count(failed) },
    { key: 'run_s', label: 'usage.run', text: ({ run_s }) => duration(run_s * 1000) },
    { key: 'promptTokens', label: 'usage.prompt_tokens', text: ({ promptTokens }) => count(promptTokens) },
    { key: 'tokens', label: 'usage.tokens', text: ({ tokens }) => count(tokens) },
    { key: 'bytes', label: 'usage.bytes', text: (group) => bytes(group.bytes) },
];

export function UsageTable({ groups, by }: { groups: Group[]; by: By }) {
    const t = useT();
    // The newest day first; of the others, who used most.
    const [sort, setSort] = useState<{ key: SortKey; falling: boolean }>({ key: by === 'day' ? 'name' : 'jobs', falling: true });
    const shown = columns.filter(({ key }) => (
        (key !== 'tokens' && key !== 'promptTokens') || groups.some((group) => group[key] > 0)
    ));
    const head = (key: SortKey, label: Key, right?: boolean) => (
        <th
            key={key} scope="col" className={right ? 'right' : undefined}
            aria-sort={sort.key !== key ? undefined : sort.falling ? 'descending' : 'ascending'}
        >
            <button
                type="button"
                onClick={() => { setSort((now) => ({ key, falling: now.key === key ? !now.falling : key !== 'name' })); }}
            >
                {t(label)}
            </button>
        </th>
    );
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t(`usage.by_${by}`)}>
            <table className="table">
                <thead>
                    <tr>
                        {head('name', `usage.by_${by}`)}
                        {shown.map(({ key, label }) => head(key, label, true))}
                    </tr>
                </thead>
                <tbody>
                    {sorted(groups, sort.key, sort.falling).map((group) => (
                        <tr key={group.id}>
                            <td title={group.id}>{group.name || <span className="quiet">{t('none')}</span>}</td>
                            {shown.map(({ key, text }) => (
                                <td key={key} className={`right${group[key as 'jobs'] === 0 ? ' zero' : ''}`}>{text(group)}</td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

import { useMemo, useState } from 'react';
import type { UsageRecord } from '../../api/admin-types';
import { useT, type Key } from '../../i18n';
import { Bars } from '../../ui/bars';
import { Segments } from '../../ui/controls';
import { clock, count, duration } from '../../ui/format';
import { useTheme } from '../../ui/theme';
import { bucketsOf, dayOf, valuesOf, type Metric, type Range } from './usage-model';

const words: Record<Metric, Key> = { jobs: 'usage.jobs', run: 'usage.run', tokens: 'usage.all_tokens' };
const formats: Record<Metric, (value: number) => string> = {
    jobs: count, run: (seconds) => duration(seconds * 1000), tokens: count,
};

export function UsagePlot({ records, range, metric, tokens, onMetric }: {
    records: UsageRecord[]; range: Range; metric: Metric; tokens: boolean; onMetric: (metric: Metric) => void;
}) {
    const t = useT();
    const theme = useTheme().shown;
    const [hover, setHover] = useState<number | null>(null);
    const buckets = useMemo(() => bucketsOf(records, range, Date.now()), [records, range]);
    const values = useMemo(() => valuesOf(buckets, metric), [buckets, metric]);
    const format = formats[metric];
    const start = hover === null ? undefined : buckets.starts[hover];
    const when = start === undefined ? '' : range === 1 ? clock(start * 1000).slice(0, -3) : dayOf(start * 1000);
    const most = values.reduce((a, b) => Math.max(a, b), 0);
    const options = (['jobs', 'run', ...(tokens ? ['tokens'] as const : [])] as Metric[]).map((value) => ({ value, text: t(words[value]) }));
    return (
        <figure className="usage-plot">
            <figcaption className="usage-head">
                <Segments label={t('usage.show')} value={metric} options={options} onChange={onMetric} />
                <span className="grow small quiet num" aria-live="off">
                    {hover === null
                        ? t(range === 1 ? 'usage.per_hour' : 'usage.per_day')
                        : `${when}: ${format(values[hover] ?? 0)}`}
                </span>
            </figcaption>
            <Bars
                starts={buckets.starts} step={buckets.step_s} values={values} format={format} height={200} theme={theme}
                label={t('usage.plot', { what: t(words[metric]), most: format(most) })} onHover={setHover}
            />
        </figure>
    );
}

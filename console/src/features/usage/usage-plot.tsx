import { useMemo, useState } from 'react';
import type { UsageRow } from '../../api/admin-types';
import { useT, type Key } from '../../i18n';
import { Bars } from '../../ui/bars';
import { Segments } from '../../ui/controls';
import { clock, count, duration } from '../../ui/format';
import { useTheme } from '../../ui/theme';
import { barsOf, dayName, valuesOf, type Metric, type Range } from './usage-model';

const words: Record<Metric, Key> = { jobs: 'usage.jobs', run: 'usage.run', tokens: 'usage.all_tokens' };
const formats: Record<Metric, (value: number) => string> = {
    jobs: count, run: (seconds) => duration(seconds * 1000), tokens: count,
};

/** Hours are moments, so they are told by the clock on the wall; days are those of UTC. */
const hourOf = (start: number) => new Date(start * 1000).toLocaleTimeString('en-GB').slice(0, 5);
const monthDay = (start: number) => dayName(start).slice(5);

export function UsagePlot({ rows, range, metric, tokens, onMetric }: {
    rows: UsageRow[]; range: Range; metric: Metric; tokens: boolean; onMetric: (metric: Metric) => void;
}) {
    const t = useT();
    const theme = useTheme().shown;
    const [hover, setHover] = useState<number | null>(null);
    const bars = useMemo(() => barsOf(rows, range, Date.now()), [rows, range]);
    const values = useMemo(() => valuesOf(bars, metric), [bars, metric]);
    const format = formats[metric];
    const start = hover === null ? undefined : bars.starts[hover];
    const when = start === undefined ? '' : range === 1 ? clock(start * 1000).slice(0, -3) : dayName(start);
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
                starts={bars.starts} step={bars.step_s} nameOf={range === 1 ? hourOf : monthDay} values={values} format={format} height={200} theme={theme}
                label={t('usage.plot', { what: t(words[metric]), most: format(most) })} onHover={setHover}
            />
        </figure>
    );
}

import './usage.css';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { useT } from '../../i18n';
import { Button, Command, Empty, Notice, Segments } from '../../ui/controls';
import { bytes, count, duration } from '../../ui/format';
import { Failure, Loading } from '../../ui/page';
import { UsagePlot } from './usage-plot';
import { csvOf, groupings, groupsOf, ranges, stepOf, total, type By, type Metric, type Range, type Sum } from './usage-model';
import { UsageTable } from './usage-table';
import { useSummary } from './use-summary';

interface Choice {
    range: Range;
    by: By;
    metric: Metric;
}

/** What is looked at stands in the address. */
function useChoice(): [Choice, (change: Partial<Choice>) => void] {
    const [search, setSearch] = useSearchParams();
    const range = ranges.find((known) => String(known) === search.get('days')) ?? 7;
    const by = groupings.find((known) => known === search.get('by')) ?? 'model';
    const metric = (['run', 'tokens'] as const).find((known) => known === search.get('show')) ?? 'jobs';
    return [{ range, by, metric }, (change) => {
        const next = { range, by, metric, ...change };
        setSearch({ days: String(next.range), by: next.by, show: next.metric }, { replace: true });
    }];
}

function save(text: string, name: string): void {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
}

function Totals({ sum }: { sum: Sum }) {
    const t = useT();
    const facts: [string, string][] = [
        [t('usage.jobs'), count(sum.jobs)], [t('usage.failed'), count(sum.failed)], [t('usage.run'), duration(sum.run_s * 1000)],
    ];
    if (sum.promptTokens + sum.tokens > 0) {
        facts.push([t('usage.prompt_tokens'), count(sum.promptTokens)], [t('usage.tokens'), count(sum.tokens)]);
    }
    facts.push([t('usage.bytes'), bytes(sum.bytes)]);
    for (const [name, value] of Object.entries(sum.meters)) facts.push([name === 'cached_tokens' ? t('usage.cached_tokens') : name, count(value)]);
    return (
        <dl className="usage-totals">
            {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd className="num">{value}</dd></div>)}
        </dl>
    );
}

export function UsagePage() {
    const t = useT();
    const [{ range, by, metric }, choose] = useChoice();
    const bars = useSummary(stepOf(range).by, range);
    const table = useSummary(by, range);
    const groups = useMemo(() => groupsOf(table.data?.rows ?? [], by), [table.data, by]);
    const sum = useMemo(() => total(bars.data?.rows ?? []), [bars.data]);
    const error = bars.error ?? table.error;
    if (error) return <Failure title={t('usage.failed_load')} error={error} hint={t('usage.failed_hint')} />;
    const again = () => { void bars.refetch(); void table.refetch(); };
    return (
        <div className="usage">
            <header className="usage-head">
                <h1 className="grow">{t('nav.usage')}</h1>
                <Segments
                    label={t('plot.range')} value={range} onChange={(next) => { choose({ range: next }); }}
                    options={ranges.map((value) => ({ value, text: value === 1 ? t('usage.day') : t('key.days', { n: value }) }))}
                />
                <Button
                    look="plain" icon="retry" aria-label={t('usage.again')} title={t('usage.again')}
                    disabled={bars.isFetching || table.isFetching} onClick={again}
                />
            </header>
            {!bars.data && <Loading text={t('loading')} />}
            {bars.data && (!bars.data.complete || table.data?.complete === false) && (
                <Notice tone="warn">{t('usage.cut', { n: count(bars.data.records) })}</Notice>
            )}
            {bars.data?.records === 0 && (
                <Empty title={t('usage.none')}><Command text={'headrace call echo --text "hello"'} copy={t('copy')} copied={t('copied')} /></Empty>
            )}
            {bars.data && bars.data.records > 0 && (
                <>
                    <Totals sum={sum} />
                    <UsagePlot
                        rows={bars.data.rows} range={range} metric={metric} tokens={sum.promptTokens + sum.tokens > 0}
                        onMetric={(next) => { choose({ metric: next }); }}
                    />
                    <section aria-label={t(`usage.by_${by}`)}>
                        <div className="usage-head">
                            <Segments
                                label={t('usage.by')} value={by} onChange={(next) => { choose({ by: next }); }}
                                options={groupings.map((value) => ({ value, text: t(`usage.by_${value}`) }))}
                            />
                            <span className="grow" />
                            <Button
                                small look="plain" icon="save" disabled={!table.data}
                                onClick={() => { save(csvOf(groups, by), `usage-by-${by}.csv`); }}
                            >
                                CSV
                            </Button>
                        </div>
                        {table.data ? <UsageTable key={by} groups={groups} by={by} /> : <Loading text={t('loading')} />}
                    </section>
                </>
            )}
        </div>
    );
}

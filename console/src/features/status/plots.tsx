import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useT } from '../../i18n';
import { Segments } from '../../ui/controls';
import { clock, count, duration, rate } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useTheme } from '../../ui/theme';
import { MetricPlot, type MetricLine } from './metric-plot';
import type { Column, SeriesData } from './series';

export const windows = [300, 900, 3600] as const;
export type Window = (typeof windows)[number];

interface PlotsProps {
    data: SeriesData;
    live: boolean;
    window: Window;
    onWindow: (window: Window) => void;
}

/** Four plots under one cursor; they hold still while somebody reads them. */
export function Plots({ data, live, window, onWindow }: PlotsProps) {
    const t = useT();
    const theme = useTheme().shown;
    const [held, setHeld] = useState<{ data: SeriesData; index: number } | null>(null);
    const latest = useRef(data);
    useEffect(() => { latest.current = data; }, [data]);
    const setHover = useCallback((index: number | null) => {
        setHeld((before) => (index === null ? null : { data: before?.data ?? latest.current, index }));
    }, []);
    const hover = held?.index ?? null;
    const shown = held?.data ?? data;
    const end = shown.times[shown.times.length - 1] ?? Date.now() / 1000;
    const first = shown.times[0] ?? end;
    // A server younger than the window gets a plot of its whole life instead of an empty one with an edge.
    const range = useMemo<[number, number]>(
        () => [Math.max(end - window, Math.min(first, end - 60)), end], [end, first, window],
    );
    const c = shown.columns;
    const line = (label: string, column: Column, tone: MetricLine['tone'], fill = false): MetricLine => (
        { label, column, tone, fill }
    );
    const flow = useMemo(() => [
        line(t('plot.finished'), c.finished, 1, true), line(t('plot.accepted'), c.accepted, 2),
        line(t('plot.failed'), c.failed, 3),
    ], [c, t]);
    const load = useMemo(() => [
        line(t('plot.queued'), c.queued, 1, true), line(t('plot.running'), c.running, 2),
    ], [c, t]);
    const wait = useMemo(() => [
        line('p50', c.wait_p50_ms, 1, true), line('p99', c.wait_p99_ms, 2),
    ], [c]);
    const run = useMemo(() => [
        line('p50', c.run_p50_ms, 1, true), line('p99', c.run_p99_ms, 2),
    ], [c]);
    const shared = { times: shown.times, range, hover, onHover: setHover, theme };
    const at = hover === null ? undefined : shown.times[hover];
    return (
        <section aria-label={t('plot.section')}>
            <div className="section-head">
                <h2>{t('plot.section')}</h2>
                <span className="grow small quiet num" aria-live="off">
                    {at !== undefined
                        ? <span className="badge"><Icon name="pause" />{t('plot.held', { time: clock(at * 1000) })}</span>
                        : live && <span className="badge tone-good"><i className="live-dot pulse" />{t('plot.live')}</span>}
                </span>
                <Segments
                    label={t('plot.range')} value={window} onChange={onWindow}
                    options={windows.map((value) => ({ value, text: t('plot.minutes', { n: value / 60 }) }))}
                />
            </div>
            <div className="plots">
                <MetricPlot {...shared} title={t('plot.flow')} unit={t('unit.per_s')} lines={flow} format={rate} />
                <MetricPlot {...shared} title={t('plot.load')} unit={t('unit.jobs')} lines={load} format={count} />
                <MetricPlot {...shared} title={t('plot.wait')} unit="" lines={wait} format={duration} />
                <MetricPlot {...shared} title={t('plot.run')} unit="" lines={run} format={duration} />
            </div>
        </section>
    );
}

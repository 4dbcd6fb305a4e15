import { seriesNames, type Sample, type Series, type SeriesName } from '../../api/status-types';

export type Column = (number | null)[];

/** What the plots draw: seconds since the epoch, oldest first, and one column a name. */
export interface SeriesData {
    times: number[];
    columns: Record<SeriesName, Column>;
}

const seconds = (time: string) => Date.parse(time) / 1000;

function columnsBy(make: (name: SeriesName) => Column): Record<SeriesName, Column> {
    return Object.fromEntries(seriesNames.map((name) => [name, make(name)])) as Record<SeriesName, Column>;
}

export function fromSeries(series: Series): SeriesData {
    const length = series.accepted.length;
    const end = seconds(series.end);
    return {
        times: Array.from({ length }, (_, at) => end - (length - 1 - at) * series.step_s),
        columns: columnsBy((name) => series[name]),
    };
}

/** Appends a sample and lets go of what has left the window; a sample of the past is passed over. */
export function withSample(data: SeriesData, sample: Sample, window: number): SeriesData {
    const now = seconds(sample.time);
    const last = data.times[data.times.length - 1] ?? 0;
    if (now <= last) return data;
    const kept = data.times.findIndex((time) => time >= now - window);
    const from = kept < 0 ? data.times.length : kept;
    return {
        times: [...data.times.slice(from), now],
        columns: columnsBy((name) => [...data.columns[name].slice(from), sample[name]]),
    };
}

/** The value at an index, or the newest that is there. */
export function valueAt(column: Column, index: number | null): number | null {
    if (index !== null) return column[index] ?? null;
    return column[column.length - 1] ?? null;
}

import { expect, it } from 'vitest';
import { seriesNames, type Sample, type Series } from '../../api/status-types';
import { fromSeries, valueAt, withSample } from './series';

function series(values: number[]): Series {
    const columns = Object.fromEntries(seriesNames.map((name) => [name, values]));
    return { step_s: 5, end: '2026-01-05T10:00:10.000Z', ...columns } as Series;
}

function sample(time: string, value: number): Sample {
    const columns = Object.fromEntries(seriesNames.map((name) => [name, value]));
    return { time, totals: {}, ...columns } as unknown as Sample;
}

it('counts the times back from the end', () => {
    const end = Date.parse('2026-01-05T10:00:10.000Z') / 1000;
    expect(fromSeries(series([1, 2, 3])).times).toEqual([end - 10, end - 5, end]);
});

it('appends what is new, drops what is old, passes over what came late', () => {
    const data = fromSeries(series([1, 2, 3]));
    const next = withSample(data, sample('2026-01-05T10:00:12.000Z', 4), 8);
    expect(next.columns.queued).toEqual([2, 3, 4]);
    expect(next.times).toHaveLength(3);
    expect(withSample(next, sample('2026-01-05T10:00:11.000Z', 9), 8)).toBe(next);
});

it('shows the newest value, or the one under the cursor', () => {
    expect(valueAt([1, null, 3], null)).toBe(3);
    expect(valueAt([1, null, 3], 1)).toBeNull();
    expect(valueAt([], null)).toBeNull();
});

// @vitest-environment node
import { expect, it } from 'vitest';
import type { UsageRecord } from '../../api/admin-types';
import { beginOf, bucketsOf, csvOf, dayOf, grouped, sorted, total, valuesOf } from './usage-model';

const now = new Date(2026, 4, 10, 15, 30).getTime();
const record = (more: Partial<UsageRecord> = {}, meters: Record<string, number> = {}): UsageRecord => ({
    job: 'j', tenant: 'default', caller: 'k1', capability: 'chat@1.0.0', state: 'succeeded', attempts: 1, queued_s: 0, run_s: 2,
    usage: { engine_s: 2, bytes_in: 10, bytes_out: 5, meters }, finished_at: new Date(2026, 4, 10, 15, 10).toISOString(), ...more,
});
const records = [
    record({}, { prompt_tokens: 7, completion_tokens: 3 }), record({ state: 'failed', caller: 'k2' }, { pages: 2 }),
    record({ state: 'expired', capability: 'ocr@1.0.0', finished_at: new Date(2026, 4, 9, 23, 59).toISOString() }, { tokens: 1 }),
];

it('sums', () => {
    expect(total(records)).toEqual({
        jobs: 3, failed: 2, run_s: 6, bytes: 45, promptTokens: 7, tokens: 4, meters: { pages: 2 },
    });
});

it('groups by capability, key and local day, and sorts', () => {
    expect(grouped(records, 'capability').map(({ name, jobs }) => [name, jobs])).toEqual([['chat@1.0.0', 2], ['ocr@1.0.0', 1]]);
    expect(grouped(records, 'key').map(({ name, failed }) => [name, failed])).toEqual([['k1', 1], ['k2', 1]]);
    const days = grouped(records, 'day');
    expect(sorted(days, 'name', true).map(({ name }) => name)).toEqual(['2026-05-10', '2026-05-09']);
    expect(sorted(days, 'jobs', true)[0]?.name).toBe('2026-05-10');
});

it('makes a bar for every day or hour, also where nothing ran', () => {
    const week = bucketsOf(records, 7, now);
    expect(week.starts.map((start) => dayOf(start * 1000))).toHaveLength(7);
    expect(valuesOf(week, 'jobs')).toEqual([0, 0, 0, 0, 0, 1, 2]);
    expect(valuesOf(week, 'tokens')).toEqual([0, 0, 0, 0, 0, 1, 10]);
    const day = bucketsOf(records, 1, now);
    expect(valuesOf(day, 'run')).toEqual(Array.from({ length: 24 }, (_, at) => (at === 7 ? 2 : at === 23 ? 4 : 0)));
    expect(Date.parse(beginOf(7, now))).toBe(new Date(2026, 4, 4).getTime());
});

it('writes a table that opens as it was meant', () => {
    const text = csvOf(grouped(records, 'key'), 'key', (id) => (id === 'k1' ? 'a, "b"' : '=1+1'));
    expect(text).toBe(
        'key,jobs,failed,run_s,prompt_tokens,completion_tokens,bytes,pages\r\n'
        + '"a, ""b""",2,1,4,7,4,30,0\r\n\'=1+1,1,1,2,0,0,15,2\r\n',
    );
});

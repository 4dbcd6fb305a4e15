// @vitest-environment node
import { expect, it } from 'vitest';
import type { UsageRow } from '../../api/admin-types';
import { barsOf, beginOf, csvOf, groupsOf, sorted, startsOf, total, valuesOf } from './usage-model';

const now = Date.parse('2026-05-10T15:30:00Z');
const row = (more: Partial<UsageRow>): UsageRow => ({
    jobs: 1, succeeded: 1, failed: 0, attempts: 1, queued_s: 0, run_s: 2, engine_s: 2, bytes_in: 10, bytes_out: 5, meters: {}, ...more,
});
const keys = [
    row({ key: 'k1', key_name: 'a, "b"', jobs: 2, failed: 1, run_s: 4, meters: { prompt_tokens: 7, completion_tokens: 3, tokens: 1 } }),
    row({ key: 'k2', key_name: '=1+1', meters: { pages: 2 } }), row({ key: 'k3', key_name: '' }),
];

it('adds rows up', () => {
    expect(total(keys)).toEqual({ jobs: 4, failed: 1, run_s: 8, bytes: 45, promptTokens: 7, tokens: 4, meters: { pages: 2 } });
    expect(total([])).toEqual({ jobs: 0, failed: 0, run_s: 0, bytes: 0, promptTokens: 0, tokens: 0, meters: {} });
});

it('calls a group as people know it, and sorts', () => {
    expect(groupsOf(keys, 'key').map(({ id, name }) => [id, name])).toEqual([['k1', 'a, "b"'], ['k2', '=1+1'], ['k3', 'k3']]);
    expect(groupsOf([row({ app: '' })], 'app')[0]).toMatchObject({ id: '', name: '', jobs: 1 });
    expect(sorted(groupsOf(keys, 'key'), 'jobs', true)[0]?.id).toBe('k1');
    const days = groupsOf([row({ day: '2026-05-09' }), row({ day: '2026-05-10' })], 'day');
    expect(sorted(days, 'name', true).map(({ id }) => id)).toEqual(['2026-05-10', '2026-05-09']);
});

it('makes a bar for every day or hour of UTC, also where nothing ran', () => {
    const week = barsOf([row({ day: '2026-05-10', jobs: 2 }), row({ day: '2026-05-09', meters: { tokens: 5 } })], 7, now);
    expect(valuesOf(week, 'jobs')).toEqual([0, 0, 0, 0, 0, 1, 2]);
    expect(valuesOf(week, 'tokens')).toEqual([0, 0, 0, 0, 0, 5, 0]);
    const day = barsOf([row({ hour: '2026-05-10T15', run_s: 4 }), row({ hour: '2026-05-09T16' })], 1, now);
    expect(valuesOf(day, 'run')).toEqual(Array.from({ length: 24 }, (_, at) => (at === 0 ? 2 : at === 23 ? 4 : 0)));
    expect(beginOf(7, now)).toBe('2026-05-04T00:00:00.000Z');
    expect(beginOf(1, now)).toBe('2026-05-09T16:00:00.000Z');
    expect(startsOf(90, now)).toHaveLength(90);
});

it('writes a table that opens as it was meant', () => {
    expect(csvOf(groupsOf(keys.slice(0, 2), 'key'), 'key')).toBe(
        'key,key_name,jobs,failed,run_s,prompt_tokens,completion_tokens,bytes,pages\r\n'
        + 'k1,"a, ""b""",2,1,4,7,4,15,0\r\nk2,\'=1+1,1,0,2,0,0,15,2\r\n',
    );
    expect(csvOf(groupsOf([row({ day: '2026-05-10' })], 'day'), 'day')).toMatch(/^day,jobs,failed,.*\r\n2026-05-10,1,0,/);
});

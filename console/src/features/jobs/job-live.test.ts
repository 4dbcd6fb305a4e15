import { expect, it } from 'vitest';
import { grown, told, type Told } from './job-live';

const nothing: Told = { logs: [], output: {} };

it('grows outputs that are appended and replaces the others', () => {
    expect(grown({ text: 'a', n: [1] }, { text: 'b', n: [2] }, () => true)).toEqual({ text: 'ab', n: [1, 2] });
    expect(grown({ text: 'a' }, { text: 'b' }, () => false)).toEqual({ text: 'b' });
});

it('keeps logs and the newest progress', () => {
    const line = told(nothing, 'log', '{"stream":"stderr","line":"x","at":"2026-01-05T10:00:00.000Z"}', () => true);
    expect(line.logs).toEqual([{ level: 'stderr', message: 'x', time: '2026-01-05T10:00:00.000Z' }]);
    const moved = told(line, 'progress', '{"fraction":0.5,"message":"half"}', () => true);
    expect(moved.progress).toEqual({ fraction: 0.5, message: 'half' });
    expect(moved.logs).toHaveLength(1);
});

it('keeps a bounded number of lines', () => {
    let state = nothing;
    for (let n = 0; n < 2100; n += 1) {
        state = told(state, 'log', JSON.stringify({ stream: 'stdout', line: String(n), at: '' }), () => true);
    }
    expect(state.logs).toHaveLength(2000);
    expect(state.logs[1999]?.message).toBe('2099');
});

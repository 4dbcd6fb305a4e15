import { expect, it } from 'vitest';
import { ApiError } from '../../api/client';
import { idle, isBusy, timingOf, withError, withEvent, type Run } from './run-state';

const start: Run = { ...idle, phase: 'waiting', sent: 100 };
const play = (events: [string, unknown, number][], appends = true): Run => events.reduce(
    (run, [name, data, now]) => withEvent(run, name, JSON.stringify(data), () => appends, now), start,
);
const job = {
    id: 'j', capability: 'chat@1.0.0', state: 'succeeded', created_at: '', output: { text: 'ab' },
    usage: { engine_s: 1, bytes_in: 1, bytes_out: 1, meters: { completion_tokens: 11 } },
};

it('grows the answer and ends with the job\'s own', () => {
    const run = play([
        ['state', { state: 'running' }, 110], ['output', { output: { text: 'a' } }, 150],
        ['output', { output: { text: 'b' } }, 160],
    ]);
    expect(run).toMatchObject({ phase: 'running', output: { text: 'ab' }, firstOutput: 150 });
    expect(isBusy(run)).toBe(true);
    const done = withEvent(run, 'done', JSON.stringify(job), () => true, 650);
    expect(done).toMatchObject({ phase: 'done', jobId: 'j', ended: 650 });
    expect(timingOf(done, 9999)).toEqual({ queue: 10, first: 50, total: 550, tokensPerSecond: 20 });
});

it('replaces outputs that come whole', () => {
    const run = play([['output', { output: { text: 'a' } }, 1], ['output', { output: { text: 'ab' } }, 2]], false);
    expect(run.output).toEqual({ text: 'ab' });
});

it('tells a failure from a stop', () => {
    const failed = play([['done', { ...job, state: 'failed', error: { code: 'engine_failed', message: 'no' } }, 1]]);
    expect(failed).toMatchObject({ phase: 'failed', error: { message: 'no' } });
    expect(withError(start, new DOMException('', 'AbortError'), 5).phase).toBe('stopped');
    const refused = withError(start, new ApiError(400, 'invalid_argument', 'x', [{ path: 'input.a', rule: 'min' }]), 5);
    expect(refused).toMatchObject({ phase: 'failed', faults: [{ path: 'input.a' }] });
});

it('has no timing before anything was sent', () => {
    expect(timingOf(idle, 1)).toBeUndefined();
});

import { expect, it } from 'vitest';
import type { Job } from '../../api/types';
import { layOut, marks } from './waterfall';

const at = (ms: number) => new Date(Date.parse('2026-01-05T10:00:00.000Z') + ms).toISOString();
const job: Job = {
    id: 'j', capability: 'ocr@1.0.0', state: 'succeeded', created_at: at(0), started_at: at(250),
    finished_at: at(1000), attempt: 1,
};

it('makes spans of the job when the server holds none', () => {
    const { bars, total } = layOut(job, [], Date.parse(at(9999)));
    expect(total).toBe(1000);
    expect(bars.map((bar) => [bar.span.name, bar.left, bar.width])).toEqual([['queue', 0, 25], ['attempt', 25, 75]]);
});

it('lets an open span reach to now', () => {
    const running: Job = { ...job, state: 'running' };
    delete running.finished_at;
    const spans = [
        { name: 'queue' as const, start: at(0), end: at(500) },
        { name: 'attempt' as const, attempt: 1, start: at(500), end: null },
    ];
    const { bars, total } = layOut(running, spans, Date.parse(at(2000)));
    expect(total).toBe(2000);
    expect(bars[1]).toMatchObject({ open: true, left: 25, width: 75, ms: 1500 });
});

it('marks the axis at round steps', () => {
    expect(marks(1000)).toEqual([0, 500, 1000]);
    expect(marks(7300)).toEqual([0, 2000, 4000, 6000]);
    expect(marks(1)).toEqual([0, 0.5, 1]);
});

import { isOver } from '../../api/job-states';
import type { Job, Span } from '../../api/types';

export interface Bar {
    span: Span;
    /** Percent of the whole. */
    left: number;
    width: number;
    ms: number;
    open: boolean;
}

/** Spans from the job alone, for a server that holds no timeline of it any more. */
export function spansOf(job: Job): Span[] {
    const spans: Span[] = [{
        name: 'queue', start: job.created_at, end: job.started_at ?? job.finished_at ?? null,
    }];
    if (job.started_at) {
        const attempt: Span = { name: 'attempt', start: job.started_at, end: job.finished_at ?? null };
        if (job.attempt !== undefined) attempt.attempt = job.attempt;
        if (job.error) attempt.error = job.error;
        spans.push(attempt);
    }
    return spans;
}

/** Lays the spans out over the job's whole time; one that is open reaches to now. */
export function layOut(job: Job, given: Span[], now: number): { bars: Bar[]; total: number } {
    const spans = given.length > 0 ? given : spansOf(job);
    const from = Math.min(Date.parse(job.created_at), ...spans.map((span) => Date.parse(span.start)));
    const ends = spans.map((span) => (span.end ? Date.parse(span.end) : now));
    const last = isOver(job.state) && job.finished_at ? Date.parse(job.finished_at) : now;
    const to = Math.max(last, from + 1, ...ends.filter((end) => isOver(job.state) || end <= now));
    const total = to - from;
    const bars = spans.map((span, at) => {
        const start = Date.parse(span.start);
        const end = Math.min(Math.max(ends[at] ?? to, start), to);
        return {
            span, open: span.end === null, ms: end - start,
            left: (100 * (start - from)) / total, width: (100 * (end - start)) / total,
        };
    });
    return { bars, total };
}

/** Four round marks for the axis: 1, 2 or 5 times a power of ten apart. */
export function marks(total: number): number[] {
    const rough = total / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough) ?? rough;
    return Array.from({ length: Math.floor(total / step) + 1 }, (_, at) => at * step);
}

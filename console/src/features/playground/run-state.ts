import { ApiError, type FieldFault } from '../../api/client';
import type { Job, JobError, Json, LogLine, Progress, Values } from '../../api/types';

export type Phase = 'idle' | 'uploading' | 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

export interface Run {
    phase: Phase;
    output: Values;
    job?: Job;
    jobId?: string;
    progress?: Progress;
    logs: LogLine[];
    faults: FieldFault[];
    error?: Pick<JobError, 'code' | 'message'>;
    /** When it happened, in milliseconds of the page's clock. */
    sent?: number;
    started?: number;
    firstOutput?: number;
    ended?: number;
}

export const idle: Run = { phase: 'idle', output: {}, logs: [], faults: [] };

export type Appends = (output: string) => boolean;

function joined(before: Json | undefined, part: Json): Json {
    if (typeof before === 'string' && typeof part === 'string') return before + part;
    if (Array.isArray(before) && Array.isArray(part)) return [...before, ...part];
    return part;
}

export function withOutput(run: Run, part: Values, appends: Appends, now: number): Run {
    const output = { ...run.output };
    for (const [name, value] of Object.entries(part)) {
        output[name] = appends(name) ? joined(output[name], value) : value;
    }
    return { ...run, output, firstOutput: run.firstOutput ?? now };
}

function ended(run: Run, job: Job, now: number): Run {
    const next: Run = { ...run, job, jobId: job.id, ended: now, output: job.output ?? run.output };
    if (job.state === 'succeeded') return { ...next, phase: 'done', firstOutput: run.firstOutput ?? now };
    if (job.state === 'cancelled') return { ...next, phase: 'stopped' };
    return { ...next, phase: 'failed', ...(job.error ? { error: job.error } : {}) };
}

/** One event of the stream of a job. */
export function withEvent(run: Run, event: string, data: string, appends: Appends, now: number): Run {
    switch (event) {
        case 'state': {
            const { state } = JSON.parse(data) as { state: string };
            return state === 'running' ? { ...run, phase: 'running', started: run.started ?? now } : run;
        }
        case 'progress': return { ...run, progress: JSON.parse(data) as Progress };
        case 'log': {
            const { stream, line, at } = JSON.parse(data) as { stream: string; line: string; at: string };
            return { ...run, logs: [...run.logs, { level: stream, message: line, time: at }].slice(-500) };
        }
        case 'output': return withOutput(run, (JSON.parse(data) as { output: Values }).output, appends, now);
        case 'done': return ended(run, JSON.parse(data) as Job, now);
        default: return run;
    }
}

export function withError(run: Run, caught: unknown, now: number): Run {
    if (caught instanceof DOMException && caught.name === 'AbortError') {
        return { ...run, phase: 'stopped', ended: now };
    }
    const error = caught instanceof ApiError ? caught : new ApiError(0, 'internal', String(caught));
    return {
        ...run, phase: 'failed', ended: now, faults: error.faults, error: { code: error.code, message: error.message },
    };
}

export const isBusy = (run: Run) => run.phase === 'uploading' || run.phase === 'waiting' || run.phase === 'running';

export interface Timing {
    queue?: number;
    first?: number;
    total: number;
    tokensPerSecond?: number;
}

/** How many tokens came out, by the names that engines give their meter. */
export function tokensOf(meters: Record<string, number> = {}): number | undefined {
    return meters['completion_tokens'] ?? meters['output_tokens'] ?? meters['tokens_out'] ?? meters['tokens'];
}

export function timingOf(run: Run, now: number): Timing | undefined {
    const { sent, started, firstOutput, job } = run;
    if (sent === undefined) return undefined;
    const end = run.ended ?? now;
    const timing: Timing = { total: end - sent };
    if (started !== undefined) timing.queue = started - sent;
    if (firstOutput !== undefined) timing.first = firstOutput - sent;
    const tokens = tokensOf(job?.usage?.meters);
    // The first token's time is the prompt's; the others are what the rate is about.
    if (tokens !== undefined && firstOutput !== undefined && tokens > 1 && end > firstOutput) {
        timing.tokensPerSecond = (1000 * (tokens - 1)) / (end - firstOutput);
    }
    return timing;
}

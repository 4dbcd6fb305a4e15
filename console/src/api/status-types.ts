/** What `/api/v1/status` and its series and events say. */

export interface Totals {
    queued: number;
    running: number;
    accepted: number;
    succeeded: number;
    failed: number;
    cancelled: number;
    expired: number;
    dead: number;
}

export interface Queue {
    capability: string;
    version: string;
    queued: number;
    running: number;
    oldest_s: number | null;
    slots: number;
    free_slots: number;
    rate: number;
    p50_ms: number | null;
    p99_ms: number | null;
    paused?: boolean;
    draining?: boolean;
}

export interface Worker {
    id: string;
    name: string;
    kind: string;
    versions: string[];
    slots: number;
    busy: number;
    since: string;
    state: string;
    address?: string;
}

export interface Status {
    server: {
        version: string;
        started_at: string;
        uptime_s: number;
        epoch: number;
        ready: boolean;
        /** The process's own figures: null for who is not the system's admin. */
        memory_bytes: number | null;
        cpu_percent: number | null;
        loops: number | null;
        connections: number | null;
    };
    totals: Totals;
    queues: Queue[];
    workers: Worker[];
    warnings: { code: string; message: string }[];
}

export const seriesNames = [
    'accepted', 'finished', 'failed', 'queued', 'running',
    'wait_p50_ms', 'wait_p99_ms', 'run_p50_ms', 'run_p99_ms', 'memory_bytes', 'cpu_percent',
] as const;
export type SeriesName = (typeof seriesNames)[number];

export type Series = { step_s: number; end: string } & Record<SeriesName, (number | null)[]>;
export type Sample = { time: string; totals: Totals } & Record<SeriesName, number | null>;

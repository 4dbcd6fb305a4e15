import type { Queue, Status } from '../../api/status-types';

/** A small server's status; tests change what they are about. */
export function statusWith(change: Partial<Status> = {}): Status {
    return {
        server: {
            version: '0.2.0', started_at: '2026-01-05T10:00:00.000Z', uptime_s: 4000, epoch: 3, ready: true,
            memory_bytes: 64 * 1024 * 1024, cpu_percent: 12.5, loops: 1, connections: 4,
        },
        totals: { queued: 0, running: 1, accepted: 10, succeeded: 8, failed: 1, cancelled: 0, expired: 0, dead: 0 },
        queues: [queueWith({})],
        workers: [{
            id: 'w1', name: 'ocr@1.0.0/0', kind: 'python', versions: ['ocr@1.0.0'], slots: 2, busy: 1,
            since: '2026-01-05T10:00:01.000Z', state: 'ready',
        }],
        warnings: [],
        ...change,
    };
}

export function queueWith(change: Partial<Queue>): Queue {
    return {
        capability: 'ocr', version: '1.0.0', queued: 0, running: 1, oldest_s: null, slots: 2, free_slots: 1,
        rate: 1.5, p50_ms: 20, p99_ms: 80, ...change,
    };
}

import { describe, expect, it } from 'vitest';
import { findings, levelOf } from './health';
import { queueWith, statusWith } from './status-fixture';

describe('health', () => {
    it('is good when nothing is wrong', () => {
        expect(levelOf(findings(statusWith()))).toBe('good');
    });

    it('is bad when jobs wait and nobody serves them', () => {
        const found = findings(statusWith({ queues: [queueWith({ queued: 3, slots: 0, free_slots: 0 })] }));
        expect(levelOf(found)).toBe('bad');
        expect(found[0]).toMatchObject({ key: 'health.no_worker', capability: 'ocr@1.0.0', parameters: { n: 3 } });
    });

    it('warns of a paused queue and of a long wait, but not of an idle one', () => {
        const slow = queueWith({ queued: 2, oldest_s: 61 });
        const paused = queueWith({ queued: 2, paused: true });
        expect(findings(statusWith({ queues: [slow] }))[0]?.key).toBe('health.slow');
        expect(findings(statusWith({ queues: [paused] }))[0]?.key).toBe('health.paused');
        expect(findings(statusWith({ queues: [queueWith({ slots: 0, paused: true })] }))).toEqual([]);
    });

    it('tells a thing once, though the server warns of it too', () => {
        const queues = [queueWith({ queued: 3, slots: 0 })];
        const warnings = [{ code: 'no_worker', message: 'nobody' }, { code: 'worker_lost', message: 'gone' }];
        expect(findings(statusWith({ queues, warnings })).map((found) => found.key ?? found.message))
            .toEqual(['health.no_worker', 'gone']);
    });

    it('puts what is bad before what the server warns of', () => {
        const status = statusWith({ warnings: [{ code: 'disk_low', message: '3 GiB left' }] });
        expect(findings(status)[0]).toMatchObject({ level: 'warn', message: '3 GiB left' });
        status.server.ready = false;
        expect(findings(status)[0]?.key).toBe('health.not_ready');
    });
});

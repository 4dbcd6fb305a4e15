import type { Status } from '../../api/status-types';
import type { Key, Parameters } from '../../i18n';

export interface Finding {
    level: 'bad' | 'warn';
    /** A sentence of ours, or the server's own words. */
    key?: Key;
    parameters?: Parameters;
    message?: string;
    /** name@version, where a list of jobs tells more. */
    capability?: string;
}

export type Level = 'good' | 'warn' | 'bad';

/** A job that waits longer than this in a queue that has workers is worth a word. */
const longWait_s = 60;

const sameWarning: Partial<Record<Key, string>> = {
    'health.not_ready': 'not_ready', 'health.no_worker': 'no_worker', 'health.paused': 'queue_paused',
};

/** Worst first: why the server is not healthy, in the order in which one would look. */
export function findings(status: Status): Finding[] {
    const found: Finding[] = [];
    if (!status.server.ready) found.push({ level: 'bad', key: 'health.not_ready' });
    for (const queue of status.queues) {
        const capability = `${queue.capability}@${queue.version}`;
        const parameters = { capability, n: queue.queued };
        if (queue.queued === 0) continue;
        if (queue.slots === 0) {
            found.push({ level: 'bad', key: 'health.no_worker', parameters, capability });
        } else if (queue.paused) {
            found.push({ level: 'warn', key: 'health.paused', parameters, capability });
        } else if ((queue.oldest_s ?? 0) > longWait_s) {
            const s = Math.round(queue.oldest_s ?? 0);
            found.push({ level: 'warn', key: 'health.slow', parameters: { ...parameters, s }, capability });
        }
    }
    // The server warns of some of this as well, with fewer words.
    const told = new Set(found.map(({ key }) => key && sameWarning[key]));
    for (const warning of status.warnings) {
        if (!told.has(warning.code)) found.push({ level: 'warn', message: warning.message });
    }
    return found.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

export function levelOf(found: Finding[]): Level {
    return found[0]?.level ?? 'good';
}

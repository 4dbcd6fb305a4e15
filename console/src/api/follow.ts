import { ApiError, send } from './client';
import { eventsOf, type ServerEvent } from './sse';

const firstPause = 1_000;
const longestPause = 15_000;

function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
}

export interface Follower {
    event: (event: ServerEvent) => void;
    /** Whether the stream is up: pages show it, and poll while it is not. */
    live?: (up: boolean) => void;
    /** True once the last event has come; then nothing connects again. */
    ended?: () => boolean;
}

/**
 * Follows a stream of events until the signal, through lost connections: it resumes by the last id and
 * waits longer each time, with jitter. A refusal (4xx) ends it.
 */
export async function follow(path: string, follower: Follower, signal: AbortSignal): Promise<void> {
    let last = '';
    let wait = firstPause;
    while (!signal.aborted) {
        try {
            const headers: Record<string, string> = { Accept: 'text/event-stream' };
            if (last) headers['Last-Event-ID'] = last;
            const answer = await send('GET', path, { headers, signal });
            follower.live?.(true);
            for await (const event of eventsOf(answer)) {
                wait = firstPause;
                if (event.id) last = event.id;
                follower.event(event);
            }
        } catch (error) {
            if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
                follower.live?.(false);
                return;
            }
        }
        if (signal.aborted) return;
        follower.live?.(false);
        if (follower.ended?.()) return;
        await pause(wait * (0.75 + Math.random() / 2), signal);
        wait = Math.min(wait * 2, longestPause);
    }
}

import { useCallback, useEffect, useRef, useState } from 'react';
import { send } from '../../api/client';
import { files } from '../../api/routes';
import { eventsOf } from '../../api/sse';
import type { Capability, Json } from '../../api/types';
import { inputOf, isMedia, mediaIn, type Drafts, type Entry, type MediaItem } from './form-model';
import type { Feed } from './live-feed';
import { idle, withError, withEvent, type Appends, type Run } from './run-state';
import { runSession } from './session-run';

type Change = (update: (run: Run) => Run) => void;

async function upload(entries: Entry[], drafts: Drafts, signal: AbortSignal): Promise<Map<MediaItem, string>> {
    const ids = new Map<MediaItem, string>();
    const items = entries.filter((entry) => isMedia(entry.spec)).flatMap((entry) => mediaIn(drafts[entry.name]));
    for (const item of items) ids.set(item, (await files.put(item.content, signal)).id);
    return ids;
}

async function runOnce(
    capability: string, input: Record<string, Json>, appends: Appends, change: Change, signal: AbortSignal,
): Promise<void> {
    // Interactive and streamed: the stream is the caller, so letting go of it cancels the job.
    const answer = await send('POST', '/jobs', {
        body: { capability, input }, headers: { Accept: 'text/event-stream' }, signal,
    });
    for await (const { event, data } of eventsOf(answer)) {
        const now = performance.now();
        change((run) => withEvent(run, event, data, appends, now));
    }
}

/** Runs a capability; one run at a time, the next start stops the one before. */
export function useRun(onEnd: (run: Run) => void) {
    const [run, setRun] = useState<Run>(idle);
    const stopper = useRef<AbortController>(undefined);
    const ended = useRef(onEnd);
    useEffect(() => { ended.current = onEnd; });
    useEffect(() => () => { stopper.current?.abort(); }, []);

    const start = useCallback(async (capability: Capability, entries: Entry[], drafts: Drafts, live?: Feed) => {
        stopper.current?.abort();
        const stop = new AbortController();
        stopper.current = stop;
        const name = `${capability.name}@${capability.version}`;
        const appends: Appends = (output) => capability.interface.outputs?.[output]?.stream === 'append';
        let current: Run = { ...idle, phase: 'uploading' };
        const change: Change = (update) => {
            current = update(current);
            if (stopper.current === stop) setRun(current);
        };
        change((now) => now);
        try {
            if (capability.mode === 'stream') {
                await runSession(name, entries, drafts, appends, change, stop.signal, live);
            } else {
                const ids = await upload(entries, drafts, stop.signal);
                const input = inputOf(entries, drafts, (item) => ({ file_id: ids.get(item) ?? '' }));
                change((now) => ({ ...now, phase: 'waiting', sent: performance.now() }));
                await runOnce(name, input, appends, change, stop.signal);
            }
        } catch (caught) {
            change((now) => withError(now, caught, performance.now()));
        }
        // A stream that broke off before its last event.
        if (current.ended === undefined) {
            change((now) => withError(now, 'the connection ended before the job did', performance.now()));
        }
        ended.current(current);
        return current;
    }, []);

    const stop = useCallback(() => { stopper.current?.abort(); }, []);
    const reset = useCallback(() => { stopper.current?.abort(); setRun(idle); }, []);
    return { run, start, stop, reset };
}

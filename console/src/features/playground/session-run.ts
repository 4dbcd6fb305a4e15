import { ApiError } from '../../api/client';
import { capabilities } from '../../api/routes';
import type { Json, Values } from '../../api/types';
import { pcmOf } from './audio';
import { inputOf, isMedia, mediaIn, type Drafts, type Entry } from './form-model';
import { rateOf, type Feed } from './live-feed';
import { withOutput, type Appends, type Run } from './run-state';

const frameBytes = 32_000;
/** Above this the socket is behind the engine: wait for it. */
const mostBuffered = 512 * 1024;

type Change = (update: (run: Run) => Run) => void;

interface Message {
    job?: { id: string };
    output?: Values;
    last?: boolean;
    error?: { code: string; message: string };
}

/** A file or a recording of the form, frame by frame; undefined where the form has none. */
async function fileFeed(entries: Entry[], drafts: Drafts): Promise<Feed | undefined> {
    const entry = entries.find(({ spec }) => isMedia(spec));
    const item = entry && mediaIn(drafts[entry.name])[0];
    if (!item) return undefined;
    const bytes = entry.spec.encodings?.includes('pcm_s16le')
        ? (await pcmOf(item.content, rateOf(entry))).slice().buffer : await item.content.arrayBuffer();
    return {
        pump: async (send, signal) => {
            for (let at = 0; at < bytes.byteLength && !signal.aborted; at += frameBytes) await send(bytes.slice(at, at + frameBytes));
        },
    };
}

async function sendWhenRoom(socket: WebSocket, frame: ArrayBuffer, signal: AbortSignal): Promise<void> {
    while (socket.bufferedAmount > mostBuffered && !signal.aborted && socket.readyState === WebSocket.OPEN) {
        await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    if (socket.readyState === WebSocket.OPEN && !signal.aborted) socket.send(frame);
}

function received(run: Run, text: string, appends: Appends, now: number): Run {
    const message = JSON.parse(text) as Message;
    if (message.job) return { ...run, jobId: message.job.id, phase: 'running', started: run.started ?? now };
    if (message.error) return { ...run, phase: 'failed', ended: now, error: message.error };
    if (!message.output) return run;
    const next = withOutput(run, message.output, appends, now);
    return message.last ? { ...next, phase: 'done', ended: now } : next;
}

interface Opening {
    parameters: Record<string, Json>;
    texts: Record<string, Json>;
    feed: Feed | undefined;
}

async function say(socket: WebSocket, { parameters, texts, feed }: Opening, signal: AbortSignal): Promise<void> {
    const speaks = Object.keys(texts).length > 0;
    socket.send(JSON.stringify({ input: parameters, seq: 0 }));
    if (speaks) socket.send(JSON.stringify({ input: texts, seq: 1, last: !feed }));
    await feed?.pump((frame) => sendWhenRoom(socket, frame, signal), signal);
    if ((feed || !speaks) && socket.readyState === WebSocket.OPEN) socket.send('{"last":true}');
}

/** A session: parameters first, then the text or the media frame by frame, then the end of the input. */
async function hold(url: string, opening: Opening, appends: Appends, change: Change, stop: AbortSignal): Promise<void> {
    const socket = new WebSocket(url);
    // Whatever ends the session ends its input, too.
    const over = new AbortController();
    let refused = false;
    await new Promise<void>((resolve, reject) => {
        stop.addEventListener('abort', () => {
            over.abort();
            socket.close(1000);
            reject(new DOMException('stopped', 'AbortError'));
        }, { once: true });
        socket.onopen = () => {
            say(socket, opening, over.signal).catch((error: unknown) => {
                reject(error instanceof Error ? error : new Error(String(error)));
                socket.close(1000);
            });
        };
        socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
            if (typeof data !== 'string') return;
            change((run) => received(run, data, appends, performance.now()));
            refused ||= data.startsWith('{"error"');
        };
        socket.onclose = ({ code, reason }) => {
            over.abort();
            if (code === 1000 || refused) {
                // A result whose outputs are all conditional may end without a last one.
                change((run) => (run.ended === undefined
                    ? { ...run, phase: run.phase === 'failed' ? 'failed' : 'done', ended: performance.now() } : run));
                resolve();
            } else {
                reject(new ApiError(0, 'unavailable', reason || `the session ended with code ${code}`));
            }
        };
    });
}

export async function runSession(
    name: string, entries: Entry[], drafts: Drafts, appends: Appends, change: Change, stop: AbortSignal, live?: Feed,
): Promise<void> {
    const plain = (role: Entry['role']) => inputOf(
        entries.filter((entry) => entry.role === role && !isMedia(entry.spec)), drafts, () => null,
    );
    const feed = live ?? await fileFeed(entries, drafts);
    const letGo = () => { feed?.close?.(); };
    stop.addEventListener('abort', letGo, { once: true });
    try {
        await feed?.ready?.();
        if (stop.aborted) throw new DOMException('stopped', 'AbortError');
        change((run) => ({ ...run, phase: 'waiting', sent: performance.now() }));
        const opening = { parameters: plain('parameter'), texts: plain('input'), feed };
        await hold(capabilities.session(name), opening, appends, change, stop);
    } finally {
        letGo();
    }
}

import { ApiError } from '../../api/client';
import { capabilities } from '../../api/routes';
import type { Json, Values } from '../../api/types';
import { pcmOf } from './audio';
import { inputOf, isMedia, mediaIn, type Drafts, type Entry } from './form-model';
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

async function mediaBytes(entries: Entry[], drafts: Drafts): Promise<ArrayBuffer | undefined> {
    const entry = entries.find(({ spec }) => isMedia(spec));
    const item = entry && mediaIn(drafts[entry.name])[0];
    if (!item) return undefined;
    if (!entry.spec.encodings?.includes('pcm_s16le')) return item.content.arrayBuffer();
    const pcm = await pcmOf(item.content, entry.spec.sample_rate?.[0] ?? 16_000);
    return pcm.slice().buffer;
}

async function feed(socket: WebSocket, bytes: ArrayBuffer, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.byteLength && socket.readyState === WebSocket.OPEN; at += frameBytes) {
        while (socket.bufferedAmount > mostBuffered && !signal.aborted && socket.readyState === WebSocket.OPEN) {
            await new Promise((resolve) => { setTimeout(resolve, 20); });
        }
        if (signal.aborted) return;
        socket.send(bytes.slice(at, at + frameBytes));
    }
}

function received(run: Run, text: string, appends: Appends, now: number): Run {
    const message = JSON.parse(text) as Message;
    if (message.job) return { ...run, jobId: message.job.id, phase: 'running', started: run.started ?? now };
    if (message.error) return { ...run, phase: 'failed', ended: now, error: message.error };
    if (!message.output) return run;
    const next = withOutput(run, message.output, appends, now);
    return message.last ? { ...next, phase: 'done', ended: now } : next;
}

/** A session: parameters first, then the text or the media frame by frame, then the end of the input. */
export async function runSession(
    name: string, entries: Entry[], drafts: Drafts, appends: Appends, change: Change, signal: AbortSignal,
): Promise<void> {
    const bytes = await mediaBytes(entries, drafts);
    const plain = (role: Entry['role']): Record<string, Json> => inputOf(
        entries.filter((entry) => entry.role === role && !isMedia(entry.spec)), drafts, () => null,
    );
    const socket = new WebSocket(capabilities.session(name));
    socket.binaryType = 'arraybuffer';
    let refused = false;
    change((run) => ({ ...run, phase: 'waiting', sent: performance.now() }));
    await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => {
            socket.close(1000);
            reject(new DOMException('stopped', 'AbortError'));
        }, { once: true });
        socket.onopen = async () => {
            socket.send(JSON.stringify({ input: plain('parameter'), seq: 0 }));
            const texts = plain('input');
            if (Object.keys(texts).length > 0) socket.send(JSON.stringify({ input: texts, seq: 1, last: !bytes }));
            if (bytes) await feed(socket, bytes, signal);
            if (bytes ?? Object.keys(texts).length === 0) socket.send('{"last":true}');
        };
        socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
            if (typeof data !== 'string') return;
            change((run) => received(run, data, appends, performance.now()));
            refused ||= data.startsWith('{"error"');
        };
        socket.onclose = ({ code, reason }) => {
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

import { ApiError } from '../../api/client';
import { peakOf } from './audio';
import { isMedia, type Entry } from './form-model';
import { openMicrophone, type Microphone } from './microphone';

/** What gives a session its media. */
export interface Feed {
    /** Before the session opens: it may ask somebody, and may fail. */
    ready?: () => Promise<void>;
    /** Sends until there is no more; `send` waits while the session is behind. */
    pump: (send: (frame: ArrayBuffer) => Promise<void>, signal: AbortSignal) => Promise<void>;
    close?: () => void;
}

export interface Heard {
    /** The loudest of the last moment, 0 to 1. */
    level: number;
    seconds: number;
}

/** The input that a microphone can feed; undefined where there is none, or another beside it. */
export function liveEntry(mode: string, entries: Entry[]): Entry | undefined {
    const media = entries.filter((entry) => isMedia(entry.spec));
    const [entry] = media;
    if (mode !== 'stream' || media.length !== 1 || entry?.spec.kind !== 'audio') return undefined;
    const { encodings, channels } = entry.spec;
    return encodings?.includes('pcm_s16le') && (channels?.includes(1) ?? true) ? entry : undefined;
}

export const rateOf = (entry: Entry) => entry.spec.sample_rate?.[0] ?? 16_000;

/** An engine that is further behind than this has lost the speaker. */
const mostBehind_s = 60;

/** The microphone as the input of one session, until somebody says that it is enough. */
export class LiveFeed implements Feed {
    private microphone: Microphone | undefined;
    private waiting: Int16Array[] = [];
    private samples = 0;
    private behind = 0;
    private over = false;
    private wake: () => void = () => undefined;

    constructor(private readonly rate: number, private readonly told: (heard: Heard) => void) {}

    async ready(): Promise<void> {
        try {
            this.microphone = await openMicrophone(this.rate, (part) => { this.hear(part); });
        } catch (error) {
            const why = error instanceof Error ? error.message : String(error);
            throw new ApiError(0, 'unavailable', `the microphone cannot be used: ${why}`);
        }
        // Let go of while it was asked for.
        if (this.over) this.close();
        else this.told({ level: 0, seconds: 0 });
    }

    hear(part: Int16Array): void {
        if (part.length === 0) return;
        this.waiting.push(part);
        this.samples += part.length;
        this.behind += part.length;
        this.told({ level: peakOf(part), seconds: this.samples / this.rate });
        this.wake();
    }

    async pump(send: (frame: ArrayBuffer) => Promise<void>, signal: AbortSignal): Promise<void> {
        signal.addEventListener('abort', () => { this.wake(); }, { once: true });
        while (!signal.aborted) {
            const part = this.waiting.shift();
            if (part) {
                if (this.behind > mostBehind_s * this.rate) throw new ApiError(0, 'unavailable', 'the engine takes the sound more slowly than it comes');
                await send(part.slice().buffer);
                this.behind -= part.length;
            } else if (this.over) {
                return;
            } else {
                await new Promise<void>((resolve) => { this.wake = resolve; });
            }
        }
    }

    /** Enough was said: what was heard so far is still sent. */
    finish(): void {
        this.microphone?.close();
        this.over = true;
        this.wake();
    }

    close(): void {
        this.finish();
        this.waiting = [];
    }
}

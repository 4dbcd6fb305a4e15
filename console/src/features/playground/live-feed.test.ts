import { expect, it } from 'vitest';
import type { FieldSpec } from '../../api/types';
import { entriesOf } from './form-model';
import { LiveFeed, liveEntry, type Heard } from './live-feed';

const sound: FieldSpec = { kind: 'audio', encodings: ['pcm_s16le'], sample_rate: [16_000], channels: [1] };
const entryOf = (inputs: Record<string, FieldSpec>, mode = 'stream') => liveEntry(mode, entriesOf({ inputs }))?.name;

it('a microphone feeds the one sound of a session, as raw samples of one channel', () => {
    expect(entryOf({ audio: sound })).toBe('audio');
    expect(entryOf({ audio: sound, text: { kind: 'text' } })).toBe('audio');
    expect(entryOf({ audio: sound }, 'once')).toBeUndefined();
    expect(entryOf({ audio: sound, picture: { kind: 'image' } })).toBeUndefined();
    expect(entryOf({ audio: { ...sound, encodings: ['opus'] } })).toBeUndefined();
    expect(entryOf({ audio: { ...sound, channels: [2] } })).toBeUndefined();
});

it('sends what was heard while it waited, in order, then ends', async () => {
    const told: Heard[] = [];
    const feed = new LiveFeed(1_000, (heard) => told.push(heard));
    feed.hear(Int16Array.of(1, 2));
    const sent: number[] = [];
    const done = feed.pump((frame) => { sent.push(...new Int16Array(frame)); return Promise.resolve(); }, new AbortController().signal);
    feed.hear(Int16Array.of(3));
    await Promise.resolve();
    feed.hear(Int16Array.of(0x4000));
    feed.finish();
    await done;
    expect(sent).toEqual([1, 2, 3, 0x4000]);
    expect(told[told.length - 1]).toEqual({ level: 0.5, seconds: 0.004 });
});

it('ends at once when it is stopped, and gives up on an engine a minute behind', async () => {
    const stop = new AbortController();
    const stopped = new LiveFeed(1_000, () => undefined).pump(() => Promise.resolve(), stop.signal);
    stop.abort();
    await stopped;
    const late = new LiveFeed(10, () => undefined);
    late.hear(new Int16Array(601));
    await expect(late.pump(() => Promise.resolve(), new AbortController().signal)).rejects.toThrow('more slowly');
});

// @vitest-environment node
import { expect, it } from 'vitest';
import { Resampler, toInt16, wavOf } from './audio';

function sine(rate: number, hertz: number, seconds: number): Float32Array {
    return Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hertz * at) / rate));
}

function crossings(samples: Float32Array): number {
    return samples.reduce((n, value, at) => n + Number(at > 0 && value >= 0 !== (samples[at - 1] ?? 0) >= 0), 0);
}

function resampled(input: Float32Array, from: number, to: number, piece: number): Float32Array {
    const resampler = new Resampler(from, to);
    const out: number[] = [];
    for (let at = 0; at < input.length; at += piece) out.push(...resampler.push(input.subarray(at, at + piece)));
    out.push(...resampler.flush());
    return Float32Array.from(out);
}

/** The mean square, in decibels of a full sine; the ends, where the filter has half of its input, are left out. */
function loudness(samples: Float32Array): number {
    const middle = samples.subarray(500, -500);
    return 10 * Math.log10((2 * middle.reduce((sum, value) => sum + value * value, 0)) / middle.length);
}

it('keeps length and pitch from 48 to 16 kHz, in pieces of any size', () => {
    const input = sine(48_000, 440, 1);
    const whole = resampled(input, 48_000, 16_000, 128);
    expect(whole.length).toBe(16_000);
    expect(Math.abs(crossings(whole) - 880)).toBeLessThanOrEqual(2);
    expect(resampled(input, 48_000, 16_000, 1000)).toEqual(whole);
    const wanted = sine(16_000, 440, 1);
    const wrong = whole.subarray(500, -500).map((value, at) => value - (wanted[at + 500] ?? 0));
    expect(Math.max(...wrong.map(Math.abs))).toBeLessThan(0.002);
});

it('leaves speech alone and takes out what the lower rate cannot hold', () => {
    for (const hertz of [100, 1_000, 6_000]) expect(Math.abs(loudness(resampled(sine(48_000, hertz, 1), 48_000, 16_000, 1024)))).toBeLessThan(0.1);
    for (const hertz of [9_500, 12_000, 20_000]) expect(loudness(resampled(sine(48_000, hertz, 1), 48_000, 16_000, 1024))).toBeLessThan(-60);
});

it('takes rates without a common step, and upwards', () => {
    expect(resampled(sine(44_100, 100, 1), 44_100, 16_000, 128).length).toBe(16_000);
    const up = resampled(sine(8_000, 440, 1), 8_000, 16_000, 128);
    expect(up.length).toBe(16_000);
    expect(Math.abs(loudness(up))).toBeLessThan(0.1);
    expect(resampled(sine(16_000, 440, 1), 16_000, 16_000, 128).length).toBe(16_000);
});

it('writes a WAV header that tells the truth', async () => {
    const wav = wavOf(Int16Array.from([1, -1, 32767]), 16_000);
    const view = new DataView(await new Response(wav).arrayBuffer());
    const text = (at: number) => String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));
    expect([text(0), text(8), text(36)]).toEqual(['RIFF', 'WAVE', 'data']);
    expect([view.getUint32(24, true), view.getUint16(22, true), view.getUint32(40, true)]).toEqual([16_000, 1, 6]);
    expect(view.getInt16(46, true)).toBe(-1);
});

it('clips instead of wrapping', () => {
    expect([...toInt16(Float32Array.from([2, -2, 0]))]).toEqual([32767, -32768, 0]);
});

// @vitest-environment node
import { expect, it } from 'vitest';
import { concatenated, peakOf, Resampler, toInt16, wavOf } from './audio';

function sine(rate: number, hertz: number, seconds: number): Float32Array {
    return Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hertz * at) / rate));
}

function crossings(samples: Float32Array): number {
    return samples.reduce((n, value, at) => n + Number(at > 0 && value >= 0 !== (samples[at - 1] ?? 0) >= 0), 0);
}

it('keeps length and pitch from 48 to 16 kHz, in pieces of any size', () => {
    const input = sine(48_000, 440, 1);
    const resampler = new Resampler(48_000, 16_000);
    const parts: Int16Array[] = [];
    for (let at = 0; at < input.length; at += 128) parts.push(toInt16(resampler.push(input.subarray(at, at + 128))));
    const whole = concatenated(parts);
    expect(whole.length).toBe(16_000);
    expect(Math.abs(crossings(Float32Array.from(whole)) - 880)).toBeLessThanOrEqual(2);
    expect(peakOf(whole)).toBeGreaterThan(0.97);
});

it('takes rates without a common step', () => {
    expect(Math.abs(new Resampler(44_100, 16_000).push(sine(44_100, 100, 1)).length - 16_000)).toBeLessThanOrEqual(1);
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

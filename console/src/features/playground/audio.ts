/** Sound as engines of speech want it: one channel, 16 bit, little-endian, at a rate that they name. */

export function toInt16(samples: Float32Array): Int16Array {
    const out = new Int16Array(samples.length);
    for (let at = 0; at < samples.length; at += 1) {
        const value = Math.max(-1, Math.min(1, samples[at] ?? 0));
        out[at] = Math.round(value < 0 ? value * 0x8000 : value * 0x7fff);
    }
    return out;
}

/**
 * Changes the rate of a stream that comes in pieces. Downwards every output is the mean of the inputs it
 * covers, a plain low pass that is good enough for speech; upwards the nearest input stands.
 */
export class Resampler {
    private sum = 0;
    private taken = 0;
    private phase = 0;
    private readonly ratio: number;

    constructor(from: number, to: number) {
        this.ratio = to / from;
    }

    push(input: Float32Array): Float32Array {
        const out: number[] = [];
        for (const sample of input) {
            this.sum += sample;
            this.taken += 1;
            this.phase += this.ratio;
            while (this.phase >= 1 - 1e-9) {
                this.phase -= 1;
                out.push(this.taken > 0 ? this.sum / this.taken : sample);
                this.sum = 0;
                this.taken = 0;
            }
        }
        return Float32Array.from(out);
    }
}

export function wavOf(samples: Int16Array, rate: number): Blob {
    const head = new DataView(new ArrayBuffer(44));
    const word = (at: number, text: string) => {
        [...text].forEach((letter, n) => { head.setUint8(at + n, letter.charCodeAt(0)); });
    };
    const bytes = samples.length * 2;
    word(0, 'RIFF');
    head.setUint32(4, 36 + bytes, true);
    word(8, 'WAVEfmt ');
    head.setUint32(16, 16, true);
    head.setUint16(20, 1, true);
    head.setUint16(22, 1, true);
    head.setUint32(24, rate, true);
    head.setUint32(28, rate * 2, true);
    head.setUint16(32, 2, true);
    head.setUint16(34, 16, true);
    word(36, 'data');
    head.setUint32(40, bytes, true);
    return new Blob([head.buffer, samples.slice().buffer], { type: 'audio/wav' });
}

/** Any sound file that the browser can read, as PCM at the rate. */
export async function pcmOf(content: Blob, rate: number): Promise<Int16Array> {
    const context = new OfflineAudioContext(1, 1, rate);
    // Decoding brings it to the context's rate already; the channels are mixed here.
    const sound = await context.decodeAudioData(await content.arrayBuffer());
    const mixed = new Float32Array(sound.length);
    for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
        sound.getChannelData(channel).forEach((value, at) => {
            mixed[at] = (mixed[at] ?? 0) + value / sound.numberOfChannels;
        });
    }
    return toInt16(mixed);
}

export function concatenated(parts: Int16Array[]): Int16Array {
    const whole = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}

/** The loudest sample, 0 to 1: what the meter beside the record button shows. */
export function peakOf(samples: Int16Array): number {
    return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 0x8000;
}

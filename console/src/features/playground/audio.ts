/** Sound as engines of speech want it: one channel, 16 bit, little-endian, at a rate that they name. */

export function toInt16(samples: Float32Array): Int16Array {
    const out = new Int16Array(samples.length);
    for (let at = 0; at < samples.length; at += 1) {
        const value = Math.max(-1, Math.min(1, samples[at] ?? 0));
        out[at] = Math.round(value < 0 ? value * 0x8000 : value * 0x7fff);
    }
    return out;
}

/** Zero crossings of the filter on each side, in samples of the lower rate: sharp enough for speech. */
const lobes = 16;
const finesse = 256;

/** A windowed sinc from its middle outwards, `finesse` values for each sample of the input. */
function kernelOf(scale: number, half: number): Float32Array {
    return Float32Array.from({ length: half * finesse + 2 }, (_, at) => {
        const x = at / finesse;
        if (x >= half) return 0;
        const turn = Math.PI * x * scale;
        const window = 0.42 + 0.5 * Math.cos((Math.PI * x) / half) + 0.08 * Math.cos((2 * Math.PI * x) / half);
        return scale * window * (x === 0 ? 1 : Math.sin(turn) / turn);
    });
}

/** Changes the rate of a stream that comes in pieces; what the lower rate cannot hold is filtered out. */
export class Resampler {
    private readonly half: number;
    private readonly kernel: Float32Array;
    /** Input that is still needed; the first of it is the input's sample number `first`. */
    private rest: Float32Array;
    private first: number;
    private taken = 0;
    private given = 0;

    constructor(private readonly from: number, private readonly to: number) {
        // A little below half the lower rate, where the filter has room to fall.
        const scale = Math.min(1, to / from) * (from === to ? 1 : 0.94);
        this.half = Math.ceil(lobes / scale);
        this.kernel = kernelOf(scale, this.half);
        this.rest = new Float32Array(this.half);
        this.first = -this.half;
    }

    push(input: Float32Array): Float32Array {
        if (this.from === this.to) return input;
        this.taken += input.length;
        return this.take(input);
    }

    /** What the end of the input still gives. */
    flush(): Float32Array {
        return this.from === this.to ? new Float32Array() : this.take(new Float32Array(this.half + 1));
    }

    private take(input: Float32Array): Float32Array {
        const held = new Float32Array(this.rest.length + input.length);
        held.set(this.rest);
        held.set(input, this.rest.length);
        const end = this.first + held.length;
        const out: number[] = [];
        for (;;) {
            const at = (this.given * this.from) / this.to;
            if (at + this.half >= end || at >= this.taken) break;
            out.push(this.valueAt(held, at - this.first));
            this.given += 1;
        }
        const next = Math.floor((this.given * this.from) / this.to) - this.half;
        const gone = Math.max(0, Math.min(held.length, next - this.first));
        this.rest = held.slice(gone);
        this.first += gone;
        return Float32Array.from(out);
    }

    private valueAt(held: Float32Array, middle: number): number {
        let sum = 0;
        const last = Math.floor(middle + this.half);
        for (let at = Math.ceil(middle - this.half); at <= last; at += 1) {
            const far = Math.abs(at - middle) * finesse;
            const step = Math.floor(far);
            const near = this.kernel[step] ?? 0;
            sum += (held[at] ?? 0) * (near + (far - step) * ((this.kernel[step + 1] ?? 0) - near));
        }
        return sum;
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

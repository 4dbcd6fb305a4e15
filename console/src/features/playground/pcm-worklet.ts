/** Runs on the browser's audio thread: hands the first channel to the page, some 20 ms at a time. */

declare const registerProcessor: (name: string, processor: unknown) => void;
declare class AudioWorkletProcessor {
    readonly port: MessagePort;
}

const most = 1024;

class Tap extends AudioWorkletProcessor {
    private held = new Float32Array(most);
    private filled = 0;

    process(inputs: Float32Array[][]): boolean {
        const samples = inputs[0]?.[0];
        if (!samples) return true;
        if (this.filled + samples.length > most) this.hand();
        this.held.set(samples, this.filled);
        this.filled += samples.length;
        return true;
    }

    private hand(): void {
        const part = this.held.slice(0, this.filled);
        this.port.postMessage(part, [part.buffer]);
        this.filled = 0;
    }
}

registerProcessor('tap', Tap);
export {};

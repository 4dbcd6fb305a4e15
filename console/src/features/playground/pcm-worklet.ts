/** Runs on the browser's audio thread: hands every block of the first channel to the page. */

declare const registerProcessor: (name: string, processor: unknown) => void;
declare class AudioWorkletProcessor {
    readonly port: MessagePort;
}

class Tap extends AudioWorkletProcessor {
    process(inputs: Float32Array[][]): boolean {
        const samples = inputs[0]?.[0];
        if (samples) this.port.postMessage(samples.slice());
        return true;
    }
}

registerProcessor('tap', Tap);
export {};

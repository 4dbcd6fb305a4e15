import { Resampler, toInt16 } from './audio';
import workletUrl from './pcm-worklet.ts?worker&url';

export interface Microphone {
    /** Lets go of the device; what the filter still holds is heard first. */
    close: () => void;
}

/** Browsers give the microphone to pages of this machine or of HTTPS, and to no others. */
export const isHeard = () => typeof navigator.mediaDevices !== 'undefined';

/** Asks for the microphone and hands on what it hears: one channel, 16 bit, at the rate. */
export async function openMicrophone(rate: number, heard: (samples: Int16Array) => void): Promise<Microphone> {
    if (!isHeard()) throw new Error('browsers give the microphone to pages of HTTPS or of this machine only');
    // What is a help on the telephone changes what an engine is to judge.
    const stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, noiseSuppression: false, echoCancellation: false },
    });
    const context = new AudioContext();
    const close = () => {
        for (const track of stream.getTracks()) track.stop();
        void context.close();
    };
    try {
        await context.audioWorklet.addModule(workletUrl);
    } catch (error) {
        close();
        throw error;
    }
    const resampler = new Resampler(context.sampleRate, rate);
    const tap = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
    let open = true;
    tap.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
        if (open) heard(toInt16(resampler.push(data)));
    };
    context.createMediaStreamSource(stream).connect(tap);
    return {
        close: () => {
            if (!open) return;
            open = false;
            heard(toInt16(resampler.flush()));
            close();
        },
    };
}

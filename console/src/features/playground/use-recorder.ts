import { useCallback, useEffect, useRef, useState } from 'react';
import { concatenated, peakOf, Resampler, toInt16, wavOf } from './audio';
import workletUrl from './pcm-worklet.ts?worker&url';

interface Recording {
    stream: MediaStream;
    context: AudioContext;
    parts: Int16Array[];
    began: number;
}

async function open(rate: number, level: (peak: number) => void): Promise<Recording> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, noiseSuppression: true } });
    const context = new AudioContext();
    await context.audioWorklet.addModule(workletUrl);
    const resampler = new Resampler(context.sampleRate, rate);
    const parts: Int16Array[] = [];
    const tap = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
        const part = toInt16(resampler.push(data));
        parts.push(part);
        if (parts.length % 16 === 0) level(peakOf(part));
    };
    context.createMediaStreamSource(stream).connect(tap);
    return { stream, context, parts, began: performance.now() };
}

function close({ stream, context }: Recording): void {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
}

/** Records the microphone to a WAV of one channel at the rate. */
export function useRecorder(rate: number, onWav: (wav: Blob) => void) {
    const recording = useRef<Recording>(undefined);
    const [active, setActive] = useState(false);
    const [level, setLevel] = useState(0);
    const [error, setError] = useState('');

    const start = useCallback(async () => {
        setError('');
        try {
            recording.current = await open(rate, setLevel);
            setActive(true);
        } catch (caught) {
            setError(caught instanceof Error ? caught.message : String(caught));
        }
    }, [rate]);

    const stop = useCallback(() => {
        const now = recording.current;
        if (!now) return;
        recording.current = undefined;
        close(now);
        setActive(false);
        setLevel(0);
        onWav(wavOf(concatenated(now.parts), rate));
    }, [rate, onWav]);

    useEffect(() => () => { if (recording.current) close(recording.current); }, []);
    return { active, level, error, start, stop };
}

import { useCallback, useEffect, useRef, useState } from 'react';
import { concatenated, peakOf, wavOf } from './audio';
import { openMicrophone, type Microphone } from './microphone';

/** Records the microphone to a WAV of one channel at the rate. */
export function useRecorder(rate: number, onWav: (wav: Blob) => void) {
    const recording = useRef<{ microphone: Microphone; parts: Int16Array[] }>(undefined);
    const [active, setActive] = useState(false);
    const [level, setLevel] = useState(0);
    const [error, setError] = useState('');

    const start = useCallback(async () => {
        setError('');
        const parts: Int16Array[] = [];
        try {
            const microphone = await openMicrophone(rate, (part) => {
                parts.push(part);
                if (parts.length % 2 === 0) setLevel(peakOf(part));
            });
            recording.current = { microphone, parts };
            setActive(true);
        } catch (caught) {
            setError(caught instanceof Error ? caught.message : String(caught));
        }
    }, [rate]);

    const stop = useCallback(() => {
        const now = recording.current;
        if (!now) return;
        recording.current = undefined;
        now.microphone.close();
        setActive(false);
        setLevel(0);
        onWav(wavOf(concatenated(now.parts), rate));
    }, [rate, onWav]);

    useEffect(() => () => { recording.current?.microphone.close(); }, []);
    return { active, level, error, start, stop };
}

import { useCallback, useSyncExternalStore } from 'react';
import { mediaIn, textsIn, type Drafts } from './form-model';
import type { Phase } from './run-state';

export interface PastRun {
    id: string;
    at: number;
    capability: string;
    phase: Phase;
    ms: number;
    /** The first words of what went in. */
    words: string;
    /** Texts only: media stay where they were. */
    texts: Record<string, string | string[]>;
    hadMedia: boolean;
}

const stored = 'headrace.runs';
const mostRuns = 30;
/** One run's texts; longer ones are kept without them, as a line to look at. */
const mostText = 16_000;
const changed = new Set<() => void>();

/** The same array until something changes: React compares it by identity. */
let cache: { text: string | null; runs: PastRun[] } = { text: null, runs: [] };

function read(): PastRun[] {
    const text = localStorage.getItem(stored);
    if (text !== cache.text) {
        let runs: PastRun[] = [];
        try {
            const parsed: unknown = JSON.parse(text ?? '[]');
            if (Array.isArray(parsed)) runs = parsed as PastRun[];
        } catch {
            // Somebody else wrote there: begin anew.
        }
        cache = { text, runs };
    }
    return cache.runs;
}

function write(runs: PastRun[]): void {
    try {
        localStorage.setItem(stored, JSON.stringify(runs.slice(0, mostRuns)));
    } catch {
        localStorage.removeItem(stored);
    }
    for (const listener of changed) listener();
}

export function wordsOf(drafts: Drafts): string {
    for (const draft of Object.values(drafts)) {
        const media = mediaIn(draft)[0];
        if (media) return media.name;
        const text = textsIn(draft).find((each) => each.trim() !== '');
        if (text) return text.trim().slice(0, 80);
    }
    return '';
}

type Outcome = Pick<PastRun, 'capability' | 'phase' | 'ms'>;

export function remember(run: Outcome, drafts: Drafts, words = wordsOf(drafts)): void {
    const texts: PastRun['texts'] = {};
    for (const [name, draft] of Object.entries(drafts)) {
        if (typeof draft === 'string') texts[name] = draft;
        else if (draft.length > 0 && mediaIn(draft).length === 0) texts[name] = textsIn(draft);
    }
    const fits = JSON.stringify(texts).length <= mostText;
    const past: PastRun = {
        ...run, id: Date.now().toString(36), at: Date.now(), words, texts: fits ? texts : {},
        hadMedia: Object.values(drafts).some((draft) => mediaIn(draft).length > 0),
    };
    write([past, ...read()]);
}

export function pastRun(id: string | null): PastRun | undefined {
    return id === null ? undefined : read().find((run) => run.id === id);
}

function subscribe(listener: () => void): () => void {
    changed.add(listener);
    window.addEventListener('storage', listener);
    return () => {
        changed.delete(listener);
        window.removeEventListener('storage', listener);
    };
}

export function useHistory(): { runs: PastRun[]; clear: () => void } {
    const runs = useSyncExternalStore(subscribe, read);
    const clear = useCallback(() => { write([]); }, []);
    return { runs, clear };
}

import { useCallback, useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';

const stored = 'headrace.theme';
const dark = () => window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function chosen(): Theme | undefined {
    const value = document.documentElement.dataset['theme'];
    return value === 'light' || value === 'dark' ? value : undefined;
}

/** Before the first paint: what was chosen here before; nothing chosen follows the system. */
export function applyStoredTheme(): void {
    const kept = localStorage.getItem(stored);
    if (kept === 'light' || kept === 'dark') document.documentElement.dataset['theme'] = kept;
}

function subscribe(listener: () => void): () => void {
    const media = dark();
    listeners.add(listener);
    media.addEventListener('change', listener);
    return () => {
        listeners.delete(listener);
        media.removeEventListener('change', listener);
    };
}

export function useTheme(): { shown: Theme; toggle: () => void } {
    const shown = useSyncExternalStore<Theme>(subscribe, () => chosen() ?? (dark().matches ? 'dark' : 'light'));
    const toggle = useCallback(() => {
        const next = shown === 'dark' ? 'light' : 'dark';
        localStorage.setItem(stored, next);
        document.documentElement.dataset['theme'] = next;
        for (const listener of listeners) listener();
    }, [shown]);
    return { shown, toggle };
}

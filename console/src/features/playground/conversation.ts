import { useCallback, useSyncExternalStore } from 'react';
import type { Turn } from './chat-model';

/** One conversation with one capability. It lives in this tab: nothing of it is written to the browser's profile. */
export interface Conversation {
    system: string;
    turns: Turn[];
    /** What was set beside it, as text; a parameter that is not here has its default. */
    settings: Record<string, string | string[]>;
}

const none: Conversation = { system: '', turns: [], settings: {} };
const prefix = 'headrace.chat.';
const stored = (name: string) => prefix + name;
const open = new Map<string, Conversation>();
const changed = new Set<() => void>();

function kept(name: string): Conversation {
    try {
        const found = JSON.parse(sessionStorage.getItem(stored(name)) ?? 'null') as Partial<Conversation> | null;
        return { ...none, ...found };
    } catch {
        return none;
    }
}

export function conversation(name: string): Conversation {
    const known = open.get(name);
    if (known) return known;
    const found = kept(name);
    open.set(name, found);
    return found;
}

/** Also while its page is not shown: an answer that one leaves is still part of the conversation. */
export function change(name: string, update: (now: Conversation) => Conversation): void {
    const next = update(conversation(name));
    open.set(name, next);
    try {
        sessionStorage.setItem(stored(name), JSON.stringify(next));
    } catch {
        // Too long to outlive a reload; it goes on in memory.
        sessionStorage.removeItem(stored(name));
    }
    for (const listener of changed) listener();
}

/** At sign-out: who comes next in this tab reads none of it. */
export function forgetAll(): void {
    for (const key of Object.keys(sessionStorage)) {
        if (key.startsWith(prefix)) sessionStorage.removeItem(key);
    }
    open.clear();
    for (const listener of changed) listener();
}

function subscribe(listener: () => void): () => void {
    changed.add(listener);
    return () => { changed.delete(listener); };
}

export function useConversation(name: string) {
    const now = useSyncExternalStore(subscribe, () => conversation(name));
    const update = useCallback((with_: (before: Conversation) => Conversation) => { change(name, with_); }, [name]);
    return [now, update] as const;
}

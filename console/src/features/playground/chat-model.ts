import type { Json } from '../../api/types';
import type { Timing } from './run-state';

export interface Turn {
    role: 'user' | 'assistant';
    content: string;
    timing?: Timing | undefined;
    tokens?: number | undefined;
    stopped?: boolean;
}

/** What the engine gets: the system's words, if any, then the turns. */
export function messagesOf(system: string, turns: Turn[]): Json[] {
    const spoken = turns.map(({ role, content }) => ({ role, content }));
    return system.trim() === '' ? spoken : [{ role: 'system', content: system }, ...spoken];
}

/** Back from messages that were kept as JSON; whatever is no message is passed over. */
export function turnsOf(text: string): { system: string; turns: Turn[] } {
    const turns: Turn[] = [];
    let system = '';
    let parsed: unknown;
    try {
        parsed = JSON.parse(text);
    } catch {
        return { system, turns };
    }
    for (const each of Array.isArray(parsed) ? (parsed as unknown[]) : []) {
        const { role, content } = (each ?? {}) as { role?: unknown; content?: unknown };
        if (typeof content !== 'string') continue;
        if (role === 'system') system = content;
        else if (role === 'user' || role === 'assistant') turns.push({ role, content });
    }
    return { system, turns };
}

export interface Block {
    code: boolean;
    text: string;
    language?: string;
}

/** Splits an answer at its code fences; an open one, as while it streams, reaches to the end. */
export function blocksOf(content: string): Block[] {
    const blocks: Block[] = [];
    content.split(/^```/m).forEach((part, at) => {
        if (at % 2 === 0) {
            const text = part.replace(/^\n+|\n+$/g, '');
            if (text.trim() !== '') blocks.push({ code: false, text });
            return;
        }
        const line = part.indexOf('\n');
        const language = (line < 0 ? part : part.slice(0, line)).trim();
        blocks.push({ code: true, text: line < 0 ? '' : part.slice(line + 1).replace(/\n$/, ''), language });
    });
    return blocks;
}

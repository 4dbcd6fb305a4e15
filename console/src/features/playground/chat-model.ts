import type { Json } from '../../api/types';
import { timingOf, tokensOf, type Run, type Timing } from './run-state';

export interface Turn {
    role: 'user' | 'assistant';
    content: string;
    timing?: Timing | undefined;
    /** What went in, and what came out. */
    promptTokens?: number | undefined;
    tokens?: number | undefined;
    finish?: string | undefined;
    /** Functions that the model asks for. */
    calls?: Json | undefined;
    stopped?: boolean;
}

/** What the engine gets: the system's words, if any, then the turns. */
export function messagesOf(system: string, turns: Turn[]): Json[] {
    const spoken = turns.map(({ role, content, calls }): Json => (
        calls === undefined ? { role, content } : { role, content, tool_calls: calls }
    ));
    return system.trim() === '' ? spoken : [{ role: 'system', content: system }, ...spoken];
}

const stringIn = (value: Json | undefined) => (typeof value === 'string' && value !== '' ? value : undefined);

/** The turn that a run made; undefined where it made none. */
export function answerOf(run: Run): Turn | undefined {
    const { text, finish_reason: finish, tool_calls: calls } = run.output;
    const content = stringIn(text) ?? '';
    const called = Array.isArray(calls) && calls.length > 0;
    if (content === '' && !called && run.phase !== 'done') return undefined;
    const meters = run.job?.usage?.meters;
    return {
        role: 'assistant', content, timing: timingOf(run, performance.now()), tokens: tokensOf(meters),
        promptTokens: meters?.['prompt_tokens'] ?? meters?.['input_tokens'], finish: stringIn(finish),
        stopped: run.phase === 'stopped', ...(called ? { calls } : {}),
    };
}

/** The turns that an answer was made from: up to the question before it, or the one at the end. */
export function askedFor(turns: Turn[], answer: number): Turn[] {
    return turns.slice(0, turns.slice(0, answer + 1).findLastIndex((turn) => turn.role === 'user') + 1);
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

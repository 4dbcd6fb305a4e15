import type { LoggedCall, Outcome, RequestFilter } from '../../api/request-types';

/** Hours; 0 is all that is kept. */
export const ranges = [1, 24, 168, 0] as const;
export type Range = (typeof ranges)[number];

export const outcomes: Outcome[] = ['succeeded', 'failed', 'cancelled', 'expired', 'refused'];

/** A call is known by its job; a refusal, which has none, by its trace, in which there may be more, and its time. */
export const idOf = (call: LoggedCall) => call.job ?? `${call.trace ?? ''}@${call.at}`;

/** What finds the call of an id. */
export const textOfId = (id: string) => id.split('@', 1)[0] ?? '';

/** Those that are typed; the tenant is for who sees more than one. */
export const typed = ['text', 'model', 'key', 'app', 'user', 'upstream', 'status', 'tenant'] as const;
export type Typed = (typeof typed)[number];

export type Choice = Record<Typed, string> & { outcome: Outcome | ''; range: Range };

export const noChoice: Choice = {
    text: '', model: '', key: '', app: '', user: '', upstream: '', status: '', tenant: '', outcome: '', range: 0,
};

/** What is looked for stands in the address. */
export function choiceOf(search: URLSearchParams): Choice {
    const text = (name: Typed) => search.get(name) ?? '';
    return {
        text: text('text'), model: text('model'), key: text('key'), app: text('app'), user: text('user'), upstream: text('upstream'),
        status: text('status'), tenant: text('tenant'),
        outcome: outcomes.find((known) => known === search.get('outcome')) ?? '',
        range: ranges.find((known) => String(known) === search.get('hours')) ?? 0,
    };
}

export function searchOf({ outcome, range, ...texts }: Choice): Record<string, string> {
    const all = { ...texts, outcome, hours: range === 0 ? '' : String(range) };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ''));
}

/** What is typed, once the address says `to` instead of `from`: what did not change there is left alone. */
export function draftAfter(draft: Choice, from: Choice, to: Choice): Choice {
    const kept = typed.filter((name) => from[name] === to[name]);
    return { ...to, ...Object.fromEntries(kept.map((name) => [name, draft[name]])) };
}

export const filters = (choice: Choice) => Object.keys(searchOf(choice)).length > 0;

export function filterOf({ outcome, range, ...texts }: Choice, now: number): RequestFilter {
    const set = Object.fromEntries(typed.map((name) => [name, texts[name].trim() || undefined]));
    return {
        ...set, outcome: outcome || undefined, limit: 50,
        from: range === 0 ? undefined : new Date(now - range * 3_600_000).toISOString(),
    };
}

/** What stands in a text that is JSON, or undefined where it is none: one that was cut is not. */
export function jsonIn(text: string): unknown {
    if (!/^\s*[[{]/.test(text)) return undefined;
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return undefined;
    }
}

export interface Turn {
    role: string;
    content: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Parts that are all text read as one text. */
function textOf(content: unknown): unknown {
    if (!Array.isArray(content) || content.length === 0) return content;
    const parts = content.map((part: unknown) => (isObject(part) && part['type'] === 'text' ? part['text'] : undefined));
    return parts.every((part) => typeof part === 'string') ? parts.join('\n') : content;
}

/** The messages of a chat, which stand alone or in a whole body beside more; undefined where there are none. */
export function turnsOf(value: unknown): { turns: Turn[]; more: Record<string, unknown> } | undefined {
    const { messages, ...more } = Array.isArray(value) ? { messages: value } : isObject(value) ? value : {};
    if (!Array.isArray(messages) || messages.length === 0) return undefined;
    const turns: Turn[] = [];
    for (const message of messages as unknown[]) {
        if (!isObject(message) || typeof message['role'] !== 'string') return undefined;
        const { role, content, ...rest } = message;
        const said = textOf(content);
        turns.push({ role: String(role), content: Object.keys(rest).length > 0 || said === undefined || said === null ? { ...rest, content: said } : said });
    }
    return { turns, more };
}

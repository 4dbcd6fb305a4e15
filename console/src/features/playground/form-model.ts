import type { FieldSpec, Interface, Json } from '../../api/types';

export interface MediaItem {
    name: string;
    content: Blob;
}

/**
 * What stands in a field while it is edited: a text ('' = nothing given), texts of a list, or media.
 * Texts become typed values when the form is sent; a half-typed number is no number yet.
 */
export type Draft = string | string[] | MediaItem[];
export type Drafts = Record<string, Draft>;

export interface Entry {
    name: string;
    spec: FieldSpec;
    role: 'input' | 'parameter';
    required: boolean;
    /** The most values a list takes; undefined = no list. */
    most?: number;
    least: number;
}

const mediaKinds = new Set(['audio', 'image', 'video', 'other']);
export const isMedia = (spec: FieldSpec) => mediaKinds.has(spec.kind);
export const isNumber = (spec: FieldSpec) => spec.kind === 'integer' || spec.kind === 'float';

/** "1..4", "0..n", "2" of segments; list, min_items, max_items of parameters. */
function countsOf(spec: FieldSpec): { least: number; most?: number; optional: boolean } {
    if (spec.list) return { least: spec.min_items ?? 0, most: spec.max_items ?? Infinity, optional: false };
    if (spec.count === undefined) return { least: 0, optional: false };
    const [low = '1', high = low] = spec.count.split('..');
    const most = high === 'n' ? Infinity : Number(high);
    const least = Number(low);
    return most === 1 ? { least: 0, optional: least === 0 } : { least, most, optional: least === 0 };
}

function entryOf(name: string, spec: FieldSpec, role: Entry['role']): Entry {
    const { least, most, optional } = countsOf(spec);
    const byDefault = role === 'input' && !optional;
    const required = (spec.required ?? byDefault) && spec.default === undefined && !spec.nullable;
    return { name, spec, role, required, least, ...(most === undefined ? {} : { most }) };
}

/** What must be given first: inputs, then required parameters, then the rest. */
export function entriesOf(face: Interface): Entry[] {
    const inputs = Object.entries(face.inputs ?? {}).map(([name, spec]) => entryOf(name, spec, 'input'));
    const parameters = Object.entries(face.parameters ?? {}).map(([name, spec]) => entryOf(name, spec, 'parameter'));
    const rank = (entry: Entry) => (entry.required ? 0 : 2) + (entry.role === 'input' ? 0 : 1);
    return [...inputs, ...parameters].sort((a, b) => rank(a) - rank(b));
}

function textOf(spec: FieldSpec, value: Json | undefined): string {
    if (value === undefined || value === null) return '';
    if (spec.kind === 'json') return JSON.stringify(value, null, 2);
    return typeof value === 'string' ? value : JSON.stringify(value);
}

export function emptyDraft(entry: Entry): Draft {
    if (isMedia(entry.spec)) return [];
    if (entry.most !== undefined) {
        const given = Array.isArray(entry.spec.default) ? entry.spec.default : [];
        const texts = given.map((value) => textOf(entry.spec, value));
        while (texts.length < entry.least) texts.push('');
        return texts;
    }
    return textOf(entry.spec, entry.spec.default);
}

export function emptyDrafts(entries: Entry[]): Drafts {
    return Object.fromEntries(entries.map((entry) => [entry.name, emptyDraft(entry)]));
}

export const mediaIn = (draft: Draft | undefined): MediaItem[] =>
    Array.isArray(draft) ? draft.filter((item) => typeof item !== 'string') : [];
export const textsIn = (draft: Draft | undefined): string[] =>
    Array.isArray(draft) ? draft.filter((item) => typeof item === 'string') : [draft ?? ''];

function shapeOf(data: Json): number[] {
    if (!Array.isArray(data)) return [];
    return data[0] === undefined ? [0] : [data.length, ...shapeOf(data[0])];
}

/** The value of one text; undefined = not given. Throws on what is no JSON: check() comes first. */
export function valueOf(spec: FieldSpec, text: string): Json | undefined {
    if (spec.kind === 'text' || spec.kind === 'string') return text === '' && spec.min_length !== 0 ? undefined : text;
    if (text.trim() === '') return undefined;
    switch (spec.kind) {
        case 'integer':
        case 'float': return Number(text);
        case 'boolean': return text === 'true';
        case 'json': return JSON.parse(text) as Json;
        case 'tensor': {
            const data = JSON.parse(text) as Json;
            return { shape: shapeOf(data), dtype: spec.dtype ?? 'fp32', data };
        }
        case 'enum': return (spec.values ?? []).find((value) => textOf(spec, value) === text) ?? text;
        case 'time': return new Date(text).toISOString();
        default: return text;
    }
}

/** The `input` of a request. Media stand in as what `media` makes of them: a file id, or a name to show. */
export function inputOf(
    entries: Entry[], drafts: Drafts, media: (item: MediaItem, entry: Entry) => Json,
): Record<string, Json> {
    const input: Record<string, Json> = {};
    for (const entry of entries) {
        const { name, spec, most } = entry;
        const draft = drafts[name];
        const values = isMedia(spec)
            ? mediaIn(draft).map((item) => media(item, entry))
            : textsIn(draft).map((text) => valueOf(spec, text)).filter((value) => value !== undefined);
        if (most === undefined) {
            if (values[0] !== undefined) input[name] = values[0];
        } else if (values.length > 0 || entry.required) {
            input[name] = values;
        }
    }
    return input;
}

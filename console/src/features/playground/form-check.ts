import type { FieldFault } from '../../api/client';
import type { FieldSpec } from '../../api/types';
import type { Fault } from '../../forms/faults';
import { isMedia, isNumber, mediaIn, textsIn, type Draft, type Drafts, type Entry, type MediaItem } from './form-model';

export type { Fault } from '../../forms/faults';

/** The rules of the server, by its names, told before anything is sent. The server has the last word. */
const fault = (rule: string, limit?: string | number): Fault => (limit === undefined ? { rule } : { rule, limit });

function checkNumber(spec: FieldSpec, text: string): Fault | undefined {
    const value = Number(text);
    if (!Number.isFinite(value)) return fault('type', spec.kind);
    if (spec.kind === 'integer' && !Number.isInteger(value)) return fault('type', 'integer');
    if (spec.min !== undefined && value < Number(spec.min)) return fault('min', spec.min);
    if (spec.max !== undefined && value > Number(spec.max)) return fault('max', spec.max);
    if (spec.exclusive_min !== undefined && value <= spec.exclusive_min) return fault('exclusive_min', spec.exclusive_min);
    if (spec.exclusive_max !== undefined && value >= spec.exclusive_max) return fault('exclusive_max', spec.exclusive_max);
    return undefined;
}

function checkText(spec: FieldSpec, text: string): Fault | undefined {
    const length = [...text].length;
    if (spec.min_length !== undefined && length < spec.min_length) return fault('min_length', spec.min_length);
    if (spec.max_length !== undefined && length > spec.max_length) return fault('max_length', spec.max_length);
    return undefined;
}

function checkOne(spec: FieldSpec, text: string): Fault | undefined {
    if (text === '') return undefined;
    if (isNumber(spec)) return checkNumber(spec, text);
    if (spec.kind === 'text' || spec.kind === 'string') return checkText(spec, text);
    if (spec.kind === 'json' || spec.kind === 'tensor') {
        try {
            JSON.parse(text);
        } catch {
            return fault('json');
        }
    }
    if (spec.kind === 'time' && Number.isNaN(Date.parse(text))) return fault('type', 'time');
    return undefined;
}

/** "image/*" matches image/png; parameters of a type do not count. */
export function matchesType(type: string, patterns: string[]): boolean {
    const bare = type.split(';')[0]?.trim() ?? '';
    return patterns.some((pattern) => (
        pattern.endsWith('/*') ? bare.startsWith(pattern.slice(0, -1)) : bare === pattern
    ));
}

function checkMedia(spec: FieldSpec, item: MediaItem): Fault | undefined {
    if (spec.max_bytes !== undefined && item.content.size > spec.max_bytes) return fault('max_bytes', spec.max_bytes);
    const types = spec.content_types;
    if (types && !matchesType(item.content.type, types)) return fault('content_type', types.join(', '));
    return undefined;
}

export function check(entry: Entry, draft: Draft | undefined): Fault | undefined {
    const media = mediaIn(draft);
    const texts = textsIn(draft);
    const given = isMedia(entry.spec) ? media.length : texts.filter((text) => text !== '').length;
    if (given === 0 && entry.required && entry.spec.min_length !== 0) return fault('required');
    if (given > 0 && given < entry.least) return fault('min_items', entry.least);
    if (given > (entry.most ?? 1)) return fault('max_items', entry.most ?? 1);
    const found = isMedia(entry.spec)
        ? media.map((item) => checkMedia(entry.spec, item))
        : texts.map((text) => checkOne(entry.spec, text));
    return found.find((each) => each !== undefined);
}

export function checkAll(entries: Entry[], drafts: Drafts): Record<string, Fault> {
    const faults: Record<string, Fault> = {};
    for (const entry of entries) {
        const found = check(entry, drafts[entry.name]);
        if (found) faults[entry.name] = found;
    }
    return faults;
}

/** The server's faults by the field they name ("input.image", "input.tags[2]"); others stay whole. */
export function byField(faults: FieldFault[]): { fields: Record<string, Fault>; others: FieldFault[] } {
    const fields: Record<string, Fault> = {};
    const others: FieldFault[] = [];
    for (const found of faults) {
        const name = /^\/?input[./]([^./[]+)/.exec(found.path)?.[1];
        if (name) fields[name] ??= fault(found.rule, found.limit);
        else others.push(found);
    }
    return { fields, others };
}

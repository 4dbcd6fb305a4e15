import { ApiError, type FieldFault } from '../api/client';
import type { Translate } from '../i18n';

export type Fault = Pick<FieldFault, 'rule' | 'limit'>;

const told = new Set([
    'required', 'type', 'min', 'max', 'exclusive_min', 'exclusive_max', 'multiple_of', 'min_length', 'max_length',
    'pattern', 'json', 'values', 'min_items', 'max_items', 'max_bytes', 'content_type',
    'format', 'range', 'exists', 'future', 'duplicate', 'house_tenant',
]);

/** Other names that the server has for a rule. */
const names: Record<string, string> = { enum: 'values', maximum: 'max' };

/** A rule may carry its limit behind a colon ("type:integer"); of a format the limit is the better word. */
export function faultText({ rule, limit }: Fault, t: Translate): string {
    const [head = '', tail = ''] = rule.split(':');
    const name = names[head] ?? head;
    const bound = limit ?? tail;
    return told.has(name) ? t(`rule.${name}` as 'rule.required', { limit: bound }) : t('rule.other', { rule, limit: bound });
}

/** The fault of a field or of what is in it: "limits" also has those of "limits.concurrency" and "limits[2]". */
export function faultAt(faults: FieldFault[], path: string): FieldFault | undefined {
    return faults.find((fault) => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`));
}

/** What no field of the form shows: named by its path, so that nothing is refused without a word. */
export function unplaced(error: Error | undefined, paths: string[]): string[] {
    if (!error) return [];
    if (!(error instanceof ApiError) || error.faults.length === 0) return [error.message];
    const others = error.faults.filter((fault) => !paths.some((path) => faultAt([fault], path)));
    return others.map(({ path, rule, limit }) => [path, rule, limit].filter(Boolean).join(' ')).map((text) => text || error.message);
}

/** One that a page has found itself, in the form of the server's. */
export function faulty(faults: FieldFault[]): ApiError {
    return new ApiError(400, 'invalid_argument', '', faults);
}

import type { UsageBy, UsageRow } from '../../api/admin-types';

export const ranges = [1, 7, 30, 90] as const;
export type Range = (typeof ranges)[number];
/** What the table adds up by. */
export type By = Exclude<UsageBy, 'hour'>;
export const groupings: By[] = ['model', 'key', 'app', 'day'];
export type Metric = 'jobs' | 'run' | 'tokens';

export interface Sum {
    jobs: number;
    /** Failed, or expired in the queue. */
    failed: number;
    run_s: number;
    bytes: number;
    promptTokens: number;
    tokens: number;
    /** Everything else that engines count. */
    meters: Record<string, number>;
}

const empty = (): Sum => ({ jobs: 0, failed: 0, run_s: 0, bytes: 0, promptTokens: 0, tokens: 0, meters: {} });

const prompts = new Set(['prompt_tokens', 'input_tokens', 'tokens_in']);
const completions = new Set(['completion_tokens', 'output_tokens', 'tokens_out', 'tokens']);

function add(sum: Sum, { jobs, failed, run_s, bytes_in, bytes_out, meters }: UsageRow): Sum {
    sum.jobs += jobs;
    sum.failed += failed;
    sum.run_s += run_s;
    sum.bytes += bytes_in + bytes_out;
    for (const [name, value] of Object.entries(meters)) {
        if (prompts.has(name)) sum.promptTokens += value;
        else if (completions.has(name)) sum.tokens += value;
        else sum.meters[name] = (sum.meters[name] ?? 0) + value;
    }
    return sum;
}

export const total = (rows: UsageRow[]): Sum => rows.reduce(add, empty());

export interface Group extends Sum {
    /** What it was added up by; of a key its id. Empty: of no app. */
    id: string;
    /** As people know it. */
    name: string;
}

export function groupsOf(rows: UsageRow[], by: By): Group[] {
    return rows.map((row) => {
        const id = row[by] ?? '';
        return { id, name: by === 'key' ? row.key_name || id : id, ...add(empty(), row) };
    });
}

export type SortKey = 'name' | 'jobs' | 'failed' | 'run_s' | 'bytes' | 'promptTokens' | 'tokens';

/** Names rise, numbers fall, until somebody turns them round. */
export function sorted(groups: Group[], key: SortKey, falling: boolean): Group[] {
    const sign = falling ? -1 : 1;
    return [...groups].sort((a, b) => {
        const byName = a.name.localeCompare(b.name);
        return key === 'name' ? sign * byName : sign * (a[key] - b[key]) || byName;
    });
}

const hour_s = 3_600;
const day_s = 86_400;

/** Bars of a range: hours of the last 24, else days; both in UTC, as the server adds up. */
export function stepOf(range: Range): { by: 'hour' | 'day'; step_s: number } {
    return range === 1 ? { by: 'hour', step_s: hour_s } : { by: 'day', step_s: day_s };
}

/** When each bar begins, in seconds since the epoch. */
export function startsOf(range: Range, now: number): number[] {
    const { step_s } = stepOf(range);
    const last = Math.floor(now / 1000 / step_s) * step_s;
    const count = range === 1 ? 24 : range;
    return Array.from({ length: count }, (_, at) => last - (count - 1 - at) * step_s);
}

/** Where the range begins: with its first whole bar. */
export const beginOf = (range: Range, now: number) => new Date((startsOf(range, now)[0] ?? 0) * 1000).toISOString();

/** As the server names them: "2026-11-24", "2026-11-24T09". */
export const dayName = (start: number) => new Date(start * 1000).toISOString().slice(0, 10);
const hourName = (start: number) => new Date(start * 1000).toISOString().slice(0, 13);

export interface Bars {
    starts: number[];
    step_s: number;
    sums: Sum[];
}

/** One for every hour or day, also where nothing ran. */
export function barsOf(rows: UsageRow[], range: Range, now: number): Bars {
    const { by, step_s } = stepOf(range);
    const starts = startsOf(range, now);
    const known = new Map(rows.map((row) => [row[by], row]));
    const sums = starts.map((start) => {
        const row = known.get(by === 'hour' ? hourName(start) : dayName(start));
        return row ? add(empty(), row) : empty();
    });
    return { starts, step_s, sums };
}

export function valuesOf({ sums }: Bars, metric: Metric): number[] {
    return sums.map((sum) => (metric === 'jobs' ? sum.jobs : metric === 'run' ? sum.run_s : sum.promptTokens + sum.tokens));
}

const cell = (value: string | number) => {
    // A cell that begins like a formula is a text to whoever opens it.
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function csvOf(groups: Group[], by: By): string {
    const meters = [...new Set(groups.flatMap((group) => Object.keys(group.meters)))].sort();
    const named = by === 'key';
    const head = [by, ...(named ? ['key_name'] : []), 'jobs', 'failed', 'run_s', 'prompt_tokens', 'completion_tokens', 'bytes', ...meters];
    const rows = groups.map((group) => [
        group.id, ...(named ? [group.name] : []), group.jobs, group.failed, Math.round(group.run_s * 1000) / 1000, group.promptTokens,
        group.tokens, group.bytes, ...meters.map((name) => group.meters[name] ?? 0),
    ]);
    return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

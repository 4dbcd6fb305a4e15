import type { UsageRecord } from '../../api/admin-types';

export const ranges = [1, 7, 30, 90] as const;
export type Range = (typeof ranges)[number];
export type By = 'capability' | 'key' | 'day';
export const groupings: By[] = ['capability', 'key', 'day'];
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

function add(sum: Sum, { state, run_s, usage }: UsageRecord): void {
    sum.jobs += 1;
    if (state === 'failed' || state === 'expired') sum.failed += 1;
    sum.run_s += run_s;
    sum.bytes += usage.bytes_in + usage.bytes_out;
    for (const [name, value] of Object.entries(usage.meters ?? {})) {
        if (prompts.has(name)) sum.promptTokens += value;
        else if (completions.has(name)) sum.tokens += value;
        else sum.meters[name] = (sum.meters[name] ?? 0) + value;
    }
}

export function total(records: UsageRecord[]): Sum {
    const sum = empty();
    for (const record of records) add(sum, record);
    return sum;
}

/** Local days, as whoever looks counts them. */
export function dayOf(at: number): string {
    const date = new Date(at);
    const two = (value: number) => String(value).padStart(2, '0');
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export interface Group extends Sum {
    name: string;
}

export function grouped(records: UsageRecord[], by: By): Group[] {
    const groups = new Map<string, Group>();
    for (const record of records) {
        const name = by === 'capability' ? record.capability : by === 'key' ? record.caller : dayOf(Date.parse(record.finished_at));
        let group = groups.get(name);
        if (!group) groups.set(name, group = { name, ...empty() });
        add(group, record);
    }
    return [...groups.values()];
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

export interface Buckets {
    /** When each begins, in seconds since the epoch. */
    starts: number[];
    step_s: number;
    sums: Sum[];
}

/** One bar an hour for a day, one a local day for all else; empty ones are there too. */
export function bucketsOf(records: UsageRecord[], range: Range, now: number): Buckets {
    const starts: number[] = [];
    const at = new Date(now);
    if (range === 1) at.setMinutes(0, 0, 0);
    else at.setHours(0, 0, 0, 0);
    const count = range === 1 ? 24 : range;
    for (let step = 0; step < count; step += 1) {
        starts.unshift(at.getTime() / 1000);
        // By the calendar, so that a day of 23 hours is one day.
        if (range === 1) at.setTime(at.getTime() - 3_600_000);
        else at.setDate(at.getDate() - 1);
    }
    const sums = starts.map(empty);
    for (const record of records) {
        const bucket = starts.findLastIndex((start) => start <= Date.parse(record.finished_at) / 1000);
        const sum = sums[bucket];
        if (sum) add(sum, record);
    }
    return { starts, step_s: range === 1 ? 3_600 : 86_400, sums };
}

/** Where the range begins: with its first whole bucket. */
export function beginOf(range: Range, now: number): string {
    return new Date((bucketsOf([], range, now).starts[0] ?? 0) * 1000).toISOString();
}

export function valuesOf({ sums }: Buckets, metric: Metric): number[] {
    return sums.map((sum) => (metric === 'jobs' ? sum.jobs : metric === 'run' ? sum.run_s : sum.promptTokens + sum.tokens));
}

const cell = (value: string | number) => {
    // A cell that begins like a formula is a text to whoever opens it.
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function csvOf(groups: Group[], by: By, nameOf: (name: string) => string): string {
    const meters = [...new Set(groups.flatMap((group) => Object.keys(group.meters)))].sort();
    const head = [by, 'jobs', 'failed', 'run_s', 'prompt_tokens', 'completion_tokens', 'bytes', ...meters];
    const rows = groups.map((group) => [
        nameOf(group.name), group.jobs, group.failed, Math.round(group.run_s * 1000) / 1000, group.promptTokens, group.tokens,
        group.bytes, ...meters.map((name) => group.meters[name] ?? 0),
    ]);
    return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { UsageRecord } from '../../api/admin-types';
import { usage } from '../../api/routes';
import { beginOf, type Range } from './usage-model';

const pageSize = 200;
/** What a page reads at the most: a record is a job, and more belong in a report made elsewhere. */
export const mostRecords = 10_000;

export interface Records {
    records: UsageRecord[];
    /** Not all of the range was read. */
    cut: boolean;
}

async function readAll(from: string, signal: AbortSignal, told: (count: number) => void): Promise<Records> {
    const records: UsageRecord[] = [];
    let cursor: string | undefined;
    while (records.length < mostRecords) {
        const page = await usage.list({ from, limit: pageSize, cursor }, signal);
        records.push(...page.usage);
        told(records.length);
        if (!page.next_cursor) return { records, cut: false };
        cursor = page.next_cursor;
    }
    return { records, cut: true };
}

export function useRecords(range: Range) {
    const [read, setRead] = useState(0);
    const query = useQuery({
        queryKey: ['usage', range],
        queryFn: ({ signal }) => readAll(beginOf(range, Date.now()), signal, setRead),
        staleTime: 30_000,
        refetchOnWindowFocus: false,
    });
    return { ...query, read };
}

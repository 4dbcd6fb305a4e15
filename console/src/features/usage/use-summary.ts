import { useQuery } from '@tanstack/react-query';
import type { UsageBy } from '../../api/admin-types';
import { usage } from '../../api/routes';
import { beginOf, type Range } from './usage-model';

/** The server adds up; whoever asks for the same again within half a minute has it already. */
export function useSummary(by: UsageBy, range: Range) {
    return useQuery({
        queryKey: ['usage', by, range],
        queryFn: ({ signal }) => usage.summary({ by, from: beginOf(range, Date.now()) }, signal),
        staleTime: 30_000,
        refetchOnWindowFocus: false,
    });
}

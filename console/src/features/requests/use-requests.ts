import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { requests } from '../../api/routes';
import type { LoggedCall } from '../../api/request-types';
import { filterOf, type Choice } from './request-model';

/** Page after page; read again only when somebody asks, for a search is not cheap. */
export function useRequests(choice: Choice) {
    return useInfiniteQuery({
        queryKey: ['requests', choice],
        queryFn: ({ signal, pageParam }) => requests.list({ ...filterOf(choice, Date.now()), cursor: pageParam || undefined }, signal),
        initialPageParam: '',
        getNextPageParam: (page) => page.next_cursor,
        refetchOnWindowFocus: false,
    });
}

/** The call that the address names: of those that are shown, else looked for by its job. */
export function useCall(job: string, shown: LoggedCall[]): LoggedCall | undefined {
    const here = shown.find((call) => call.job === job);
    const { data } = useQuery({
        queryKey: ['requests', 'of-job', job],
        queryFn: ({ signal }) => requests.list({ text: job, limit: 10 }, signal),
        enabled: job !== '' && here === undefined,
        refetchOnWindowFocus: false,
    });
    return job === '' ? undefined : here ?? data?.requests.find((call) => call.job === job);
}

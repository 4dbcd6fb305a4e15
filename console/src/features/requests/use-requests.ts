import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { requests } from '../../api/routes';
import type { LoggedCall } from '../../api/request-types';
import { filterOf, idOf, textOfId, type Choice } from './request-model';

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

/** The call that the address names: of those that are shown, else looked for by its id. */
export function useCall(id: string, shown: LoggedCall[]): LoggedCall | undefined {
    const here = shown.find((call) => idOf(call) === id);
    const { data } = useQuery({
        queryKey: ['requests', 'of-id', id],
        queryFn: ({ signal }) => requests.list({ text: textOfId(id), limit: 50 }, signal),
        enabled: id !== '' && here === undefined,
        refetchOnWindowFocus: false,
    });
    return id === '' ? undefined : here ?? data?.requests.find((call) => idOf(call) === id);
}

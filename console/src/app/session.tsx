import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { ApiError, setToken, whenSignedOut } from '../api/client';
import { session as route } from '../api/routes';
import type { Session } from '../api/types';
import { forgetAll } from '../features/playground/conversation';

export type Proof = { token: string } | { key: string };
export type Outside = 'new' | 'expired' | 'left' | 'bad_link';

type SessionState =
    | { state: 'loading' }
    | { state: 'in'; session: Session; leave: () => Promise<void> }
    | { state: 'out'; why: Outside; enter: (proof: Proof) => Promise<void> }
    | { state: 'unreachable'; error: Error; again: () => void };

/** The one-time token of a sign-in link; read once, then gone from the address and the history. */
export function takeLinkToken(): string | undefined {
    const match = /^#sign-in=([\w.~-]+)$/.exec(window.location.hash);
    if (!match) return undefined;
    window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search);
    return match[1];
}

/** null: nobody is signed in. */
async function firstSession(onBadLink: () => void): Promise<Session | null> {
    const token = takeLinkToken();
    if (token) {
        try {
            return await route.open({ token });
        } catch (error) {
            if (!(error instanceof ApiError) || error.status !== 401) throw error;
            onBadLink();
        }
    }
    try {
        return await route.get();
    } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
    }
}

const Context = createContext<SessionState>({ state: 'loading' });

export function SessionProvider({ children }: { children: ReactNode }) {
    const client = useQueryClient();
    const [why, setWhy] = useState<Outside>('new');
    const { data, error, refetch } = useQuery({
        queryKey: ['session'],
        queryFn: () => firstSession(() => { setWhy('bad_link'); }),
        staleTime: Infinity,
        retry: false,
    });
    setToken(data?.csrf_token ?? '');

    const end = useCallback((reason: Outside) => {
        setWhy(reason);
        client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'session' });
        client.setQueryData(['session'], null);
    }, [client]);

    useEffect(() => { whenSignedOut(() => { end('expired'); }); }, [end]);

    // A sign-in link that is opened in a tab that already shows the page.
    useEffect(() => {
        const changed = () => { if (window.location.hash.startsWith('#sign-in=')) void refetch(); };
        window.addEventListener('hashchange', changed);
        return () => { window.removeEventListener('hashchange', changed); };
    }, [refetch]);

    const value = useMemo<SessionState>(() => {
        if (data) {
            return {
                state: 'in', session: data,
                leave: async () => {
                    await route.close().catch(() => undefined);
                    forgetAll();
                    end('left');
                },
            };
        }
        if (data === null) {
            return {
                state: 'out', why,
                enter: async (proof) => { client.setQueryData(['session'], await route.open(proof)); },
            };
        }
        if (error) return { state: 'unreachable', error, again: () => { void refetch(); } };
        return { state: 'loading' };
    }, [data, error, why, client, end, refetch]);
    return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useSession = () => useContext(Context);

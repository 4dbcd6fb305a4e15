import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { follow } from '../../api/follow';
import { jobs, status } from '../../api/routes';
import type { Sample } from '../../api/status-types';
import { fromSeries, withSample, type SeriesData } from './series';

const poll_ms = 2_000;
/** Lists of jobs are read again at most this often, however many jobs end in between. */
const jobsPause_ms = 1_000;

export function useStatus() {
    return useQuery({
        queryKey: ['status'],
        queryFn: ({ signal }) => status.get(signal),
        refetchInterval: poll_ms,
    });
}

export function useJobs(state: 'running' | 'failed') {
    return useQuery({
        queryKey: ['jobs', state],
        queryFn: ({ signal }) => jobs.list({ state, limit: 8 }, signal),
        refetchInterval: 5_000,
    });
}

/** The series of a window, kept fresh by the server's events; polled while these do not come. */
export function useSeries(window_s: number) {
    const client = useQueryClient();
    const [live, setLive] = useState(false);
    const result = useQuery({
        queryKey: ['series', window_s],
        queryFn: async ({ signal }) => fromSeries(await status.series(window_s, signal)),
        refetchInterval: live ? false : 5_000,
        staleTime: Infinity,
    });

    useEffect(() => {
        const stop = new AbortController();
        let timer: ReturnType<typeof setTimeout> | undefined;
        const event = (name: string, data: string) => {
            if (name === 'sample') {
                const sample = JSON.parse(data) as Sample;
                client.setQueryData<SeriesData>(['series', window_s],
                    (old) => old && withSample(old, sample, window_s));
            } else if (name === 'job') {
                timer ??= setTimeout(() => {
                    timer = undefined;
                    void client.invalidateQueries({ queryKey: ['jobs'] });
                }, jobsPause_ms);
            }
        };
        const follower = { live: setLive, event: (e: { event: string; data: string }) => { event(e.event, e.data); } };
        void follow(status.events, follower, stop.signal);
        return () => { stop.abort(); clearTimeout(timer); };
    }, [client, window_s]);

    return { ...result, live };
}

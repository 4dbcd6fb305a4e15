import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError } from '../../api/client';
import { follow } from '../../api/follow';
import { isOver } from '../../api/job-states';
import { capabilities, jobs } from '../../api/routes';
import type { Job, LogLine, Progress, Timeline, Values } from '../../api/types';

const keptLogs = 2_000;

/** What the events of a job have told since the page opened; the server tells them from the start. */
export interface Told {
    logs: LogLine[];
    progress?: Progress;
    output: Values;
}

const nothing: Told = { logs: [], output: {} };

/** Outputs streamed as `append` carry the new part, those as `replace` the whole. */
export function grown(before: Values, part: Values, appends: (name: string) => boolean): Values {
    const next = { ...before };
    for (const [name, value] of Object.entries(part)) {
        const old = next[name];
        if (appends(name) && typeof old === 'string' && typeof value === 'string') next[name] = old + value;
        else if (appends(name) && Array.isArray(old) && Array.isArray(value)) next[name] = [...old, ...value];
        else next[name] = value;
    }
    return next;
}

export function told(before: Told, event: string, data: string, appends: (name: string) => boolean): Told {
    if (event === 'log') {
        const { stream, line, at } = JSON.parse(data) as { stream: string; line: string; at: string };
        const log = { time: at, level: stream, message: line };
        return { ...before, logs: [...before.logs, log].slice(-keptLogs) };
    }
    if (event === 'progress') return { ...before, progress: JSON.parse(data) as Progress };
    if (event === 'output') {
        const { output } = JSON.parse(data) as { output: Values };
        return { ...before, output: grown(before.output, output, appends) };
    }
    return before;
}

/** A job with its spans. Where the server holds no timeline any more, the job alone makes one. */
async function timelineOf(id: string, signal: AbortSignal): Promise<Timeline> {
    try {
        return await jobs.timeline(id, signal);
    } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        return { job: await jobs.get(id, signal), spans: [], logs: [] };
    }
}

export function useJob(id: string) {
    const client = useQueryClient();
    const [live, setLive] = useState<Told>(nothing);
    const query = useQuery({
        queryKey: ['timeline', id],
        queryFn: ({ signal }) => timelineOf(id, signal),
        refetchInterval: ({ state }) => (state.data && isOver(state.data.job.state) ? false : 2_000),
        retry: false,
    });
    const running = query.data !== undefined && !isOver(query.data.job.state);
    const name = query.data?.job.capability;
    const { data: capability } = useQuery({
        queryKey: ['capability', name],
        queryFn: ({ signal }) => capabilities.get(name ?? '', signal),
        enabled: running,
        staleTime: Infinity,
    });
    const outputs = capability?.interface.outputs;

    useEffect(() => {
        if (!running || !outputs) return;
        setLive(nothing);
        const stop = new AbortController();
        let done = false;
        const event = ({ event: name, data }: { event: string; data: string }) => {
            done ||= name === 'done';
            if (name === 'state' || done) {
                if (done) {
                    const job = JSON.parse(data) as Job;
                    client.setQueryData<Timeline>(['timeline', id], (old) => old && { ...old, job });
                }
                void client.invalidateQueries({ queryKey: ['timeline', id] });
            } else {
                setLive((before) => told(before, name, data, (output) => outputs[output]?.stream === 'append'));
            }
        };
        void follow(jobs.events(id), { event, ended: () => done }, stop.signal);
        return () => { stop.abort(); };
    }, [client, id, running, outputs]);

    return { ...query, live };
}

import './jobs.css';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearchParams } from 'react-router';
import { jobStates } from '../../api/job-states';
import { capabilities, jobs } from '../../api/routes';
import type { JobState } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Command, Empty, Segments } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { JobsTable } from './jobs-table';

interface Filter {
    state: JobState | '';
    capability: string;
}

function useFilter(): [Filter, (change: Partial<Filter>) => void] {
    const [search, setSearch] = useSearchParams();
    const state = jobStates.find((known) => known === search.get('state')) ?? '';
    const filter: Filter = { state, capability: search.get('capability') ?? '' };
    return [filter, (change) => {
        const next = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== '');
        setSearch(Object.fromEntries(next), { replace: true });
    }];
}

export function JobsPage() {
    const t = useT();
    const navigate = useNavigate();
    const [filter, setFilter] = useFilter();
    const known = useQuery({ queryKey: ['capabilities'], queryFn: ({ signal }) => capabilities.list(signal) });
    const list = useInfiniteQuery({
        queryKey: ['jobs', 'list', filter.state, filter.capability],
        queryFn: ({ signal, pageParam }) => jobs.list({
            state: filter.state || undefined, capability: filter.capability || undefined, limit: 50,
            cursor: pageParam || undefined,
        }, signal),
        initialPageParam: '',
        getNextPageParam: (page) => page.next_cursor,
        refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : 3_000),
    });
    const versions = known.data?.capabilities.flatMap((entry) => entry.versions.map((v) => `${entry.name}@${v}`)) ?? [];
    const options = filter.capability && !versions.includes(filter.capability)
        ? [filter.capability, ...versions] : versions;
    const all = list.data?.pages.flatMap((page) => page.jobs) ?? [];
    return (
        <div className="jobs">
            <h1>{t('nav.jobs')}</h1>
            <div className="jobs-filter">
                <Segments
                    label={t('jobs.state')} value={filter.state} onChange={(state) => { setFilter({ state }); }}
                    options={[
                        { value: '' as JobState | '', text: t('jobs.any') },
                        ...jobStates.map((state) => ({ value: state, text: t(`state.${state}`) })),
                    ]}
                />
                <select
                    className="input jobs-select" aria-label={t('queue.capability')} value={filter.capability}
                    onChange={(event) => { setFilter({ capability: event.target.value }); }}
                >
                    <option value="">{t('jobs.any_capability')}</option>
                    {options.map((name) => <option key={name}>{name}</option>)}
                </select>
            </div>
            {list.error && <Failure title={t('jobs.list_failed')} error={list.error} />}
            {list.isPending && <Loading text={t('loading')} />}
            {list.data && all.length === 0 && (
                <Empty title={filter.state || filter.capability ? t('jobs.none_match') : t('jobs.none')}>
                    {!filter.state && !filter.capability && (
                        <Command text={'headrace call echo --text "hello"'} copy={t('copy')} copied={t('copied')} />
                    )}
                </Empty>
            )}
            {all.length > 0 && <JobsTable jobs={all} open={(id) => { void navigate(`/jobs/${id}`); }} />}
            {list.hasNextPage && (
                <Button disabled={list.isFetchingNextPage} onClick={() => { void list.fetchNextPage(); }}>
                    {t('jobs.more')}
                </Button>
            )}
        </div>
    );
}

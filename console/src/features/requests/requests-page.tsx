import './requests.css';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { ApiError } from '../../api/client';
import type { Session } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Command, Empty, Notice } from '../../ui/controls';
import { clock } from '../../ui/format';
import { Failure, Loading } from '../../ui/page';
import { RequestDrawer } from './request-drawer';
import { RequestFilterBar } from './request-filter';
import { choiceOf, filters, idOf, searchOf } from './request-model';
import { RequestsTable } from './requests-table';
import { useCall, useRequests } from './use-requests';

function Off() {
    const t = useT();
    return (
        <Empty title={t('req.off')}>
            <Command text="headrace serve --set request_log.enabled=true" copy={t('copy')} copied={t('copied')} />
            <p className="quiet small">{t('req.off_bodies')}</p>
        </Empty>
    );
}

/** How far the search got, and how to go on: one page may hold nothing and lead further. */
function End({ list }: { list: ReturnType<typeof useRequests> }) {
    const t = useT();
    const pages = list.data?.pages ?? [];
    const last = pages[pages.length - 1];
    const unreadable = pages.reduce((sum, page) => sum + page.unreadable, 0);
    if (!last) return null;
    const full = last.requests.length > 0;
    return (
        <div className="req-end">
            {list.hasNextPage && (
                <Button disabled={list.isFetchingNextPage} onClick={() => { void list.fetchNextPage(); }}>
                    {t(full ? 'req.more' : 'req.further')}
                </Button>
            )}
            <span className="quiet small" role="status">
                {list.hasNextPage && last.searched_to ? t('req.searched', { time: clock(last.searched_to) }) : t('req.searched_all')}
            </span>
            {unreadable > 0 && <Notice tone="warn">{t('req.unreadable', { n: unreadable })}</Notice>}
        </div>
    );
}

export function RequestsPage({ session }: { session: Session }) {
    const t = useT();
    const [search, setSearch] = useSearchParams();
    const choice = useMemo(() => choiceOf(search), [search]);
    const list = useRequests(choice);
    const calls = useMemo(() => list.data?.pages.flatMap((page) => page.requests) ?? [], [list.data]);
    const named = search.get('call') ?? '';
    const call = useCall(named, calls);
    const off = list.error instanceof ApiError && list.error.status === 409;
    const show = (id: string) => { setSearch({ ...searchOf(choice), ...(id ? { call: id } : {}) }, { replace: true }); };
    return (
        <div className="requests">
            <header className="req-head">
                <div className="grow">
                    <h1>{t('nav.requests')}</h1>
                    <p className="quiet">{t('req.intro')}</p>
                </div>
                {!off && (
                    <Button
                        look="plain" icon="retry" aria-label={t('req.again')} title={t('req.again')} disabled={list.isFetching}
                        onClick={() => { void list.refetch(); }}
                    />
                )}
            </header>
            {off ? <Off /> : (
                <>
                    <RequestFilterBar choice={choice} tenants={session.system} onChange={(next) => { setSearch(searchOf(next), { replace: true }); }} />
                    {list.error && <Failure title={t('req.failed')} error={list.error} />}
                    {list.isPending && <Loading text={t('loading')} />}
                    {list.data && calls.length === 0 && <Empty title={t(filters(choice) ? 'req.none' : 'req.none_yet')} />}
                    {calls.length > 0 && <RequestsTable calls={calls} tenants={session.system} open={(chosen) => { show(idOf(chosen)); }} />}
                    <End list={list} />
                    {call && <RequestDrawer call={call} home={session.tenant} onClose={() => { show(''); }} />}
                </>
            )}
        </div>
    );
}

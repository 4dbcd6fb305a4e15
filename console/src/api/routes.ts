import type {
    Account, AccountChange, AccountKind, AccountRequest, ApiKey, KeyChange, KeyRequest, NewKey, UsageBy, UsageSummary,
} from './admin-types';
import { call, prefix, query } from './client';
import type { RequestFilter, RequestPage } from './request-types';
import type { Series, Status } from './status-types';
import type { Capability, CapabilityEntry, Job, JobPage, JobState, Json, Session, StoredFile, Timeline } from './types';
import type { Upstream, UpstreamChange, UpstreamRequest, UpstreamTest } from './upstream-types';

export const session = {
    get: () => call<Session>('GET', '/session', { quiet: true }),
    open: (proof: { token: string } | { key: string }) =>
        call<Session>('POST', '/session', { body: proof, quiet: true }),
    close: () => call<undefined>('DELETE', '/session', { quiet: true }),
};

export const status = {
    get: (signal?: AbortSignal) => call<Status>('GET', '/status', { signal }),
    series: (window: number, signal?: AbortSignal) =>
        call<Series>('GET', `/status/series${query({ window })}`, { signal }),
    events: '/status/events',
};

export interface JobFilter {
    state?: JobState | undefined;
    capability?: string | undefined;
    limit?: number;
    cursor?: string | undefined;
}

const idPath = (id: string) => `/jobs/${encodeURIComponent(id)}`;

export const jobs = {
    list: (filter: JobFilter, signal?: AbortSignal) =>
        call<JobPage>('GET', `/jobs${query({ ...filter })}`, { signal }),
    get: (id: string, signal?: AbortSignal) => call<Job>('GET', idPath(id), { signal }),
    timeline: (id: string, signal?: AbortSignal) => call<Timeline>('GET', `${idPath(id)}/timeline`, { signal }),
    cancel: (id: string) => call<Job>('POST', `${idPath(id)}/cancel`),
    retry: (id: string) => call<Job>('POST', `${idPath(id)}/retry`),
    events: (id: string) => `${idPath(id)}/events`,
};

export const capabilities = {
    list: (signal?: AbortSignal) => call<{ capabilities: CapabilityEntry[] }>('GET', '/capabilities', { signal }),
    get: (name: string, signal?: AbortSignal) =>
        call<Capability>('GET', `/capabilities/${encodeURIComponent(name)}`, { signal }),
    /** The address of a session's WebSocket, on the page's own origin. */
    session: (name: string) => {
        const at = new URL(`${prefix}/capabilities/${encodeURIComponent(name)}/session`, window.location.href);
        at.protocol = at.protocol === 'https:' ? 'wss:' : 'ws:';
        return at.href;
    },
};

export const files = {
    put: (content: Blob, signal?: AbortSignal) =>
        call<StoredFile>('POST', '/files', {
            body: content,
            headers: { 'Content-Type': content.type || 'application/octet-stream' },
            signal,
        }),
};

export const keys = {
    list: (signal?: AbortSignal) => call<{ keys: ApiKey[] }>('GET', '/keys', { signal }),
    create: (wanted: KeyRequest) => call<NewKey>('POST', '/keys', { body: wanted as unknown as Json }),
    change: (id: string, change: KeyChange) =>
        call<ApiKey>('PATCH', `/keys/${encodeURIComponent(id)}`, { body: change as unknown as Json }),
    rotate: (id: string, overlap_s: number) =>
        call<NewKey>('POST', `/keys/${encodeURIComponent(id)}/rotate`, { body: { overlap_s } }),
    revoke: (id: string) => call<undefined>('DELETE', `/keys/${encodeURIComponent(id)}`),
};

const accountPath = (kind: AccountKind, { name, tenant }: Account) =>
    `/${kind}/${encodeURIComponent(name)}${query({ tenant })}`;

/** Tenants, apps and users: one form, three collections. */
export const accounts = {
    list: async (kind: AccountKind, signal?: AbortSignal) =>
        (await call<Record<AccountKind, Account[]>>('GET', `/${kind}`, { signal }))[kind],
    create: (kind: AccountKind, wanted: AccountRequest) =>
        call<Account>('POST', `/${kind}`, { body: wanted as unknown as Json }),
    change: (kind: AccountKind, which: Account, change: AccountChange) =>
        call<Account>('PATCH', accountPath(kind, which), { body: change as unknown as Json }),
    remove: (kind: AccountKind, which: Account) => call<undefined>('DELETE', accountPath(kind, which)),
};

export interface UsageFilter {
    by: UsageBy;
    from: string;
}

export const usage = {
    summary: (filter: UsageFilter, signal?: AbortSignal) =>
        call<UsageSummary>('GET', `/usage/summary${query({ ...filter })}`, { signal }),
};

export const requests = {
    list: (filter: RequestFilter, signal?: AbortSignal) =>
        call<RequestPage>('GET', `/requests${query({ ...filter })}`, { signal }),
};

const upstreamPath = ({ name, tenant }: Upstream, verb = '') =>
    `/upstreams/${encodeURIComponent(name)}${verb}${query({ tenant })}`;

export const upstreams = {
    list: async (signal?: AbortSignal) =>
        (await call<{ upstreams: Upstream[] }>('GET', '/upstreams', { signal })).upstreams,
    add: (wanted: UpstreamRequest) => call<Upstream>('POST', '/upstreams', { body: wanted as unknown as Json }),
    change: (which: Upstream, change: UpstreamChange) =>
        call<Upstream>('PATCH', upstreamPath(which), { body: change as unknown as Json }),
    remove: (which: Upstream) => call<undefined>('DELETE', upstreamPath(which)),
    test: (which: Upstream) => call<UpstreamTest>('POST', upstreamPath(which, '/test')),
};

/** Signed links name the client door; the page may only load from its own origin, which serves them too. */
export function onThisOrigin(url: string): string {
    if (!URL.canParse(url, window.location.href)) return url;
    const parsed = new URL(url, window.location.href);
    return parsed.pathname.startsWith(prefix) ? parsed.pathname + parsed.search : url;
}

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { configure, fireEvent, getConfig, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { UsageRow } from '../api/admin-types';
import type { Session } from '../api/types';
import { DirectoryPage } from '../features/directory/directory-page';
import { JobsPage } from '../features/jobs/jobs-page';
import { KeysPage } from '../features/keys/keys-page';
import { RequestsPage } from '../features/requests/requests-page';
import { UsagePage } from '../features/usage/usage-page';
import { AddressRouter } from './address-router';

// It draws, which jsdom cannot.
vi.mock('../ui/bars', () => ({ Bars: () => null }));

const session: Session = { tenant: 'system', name: 'ann', roles: ['admin'], system: true, csrf_token: 't', expires_at: '' };
const row: UsageRow = {
    day: '2026-11-30', jobs: 1, succeeded: 1, failed: 0, attempts: 1, queued_s: 0, run_s: 1, engine_s: 1, bytes_in: 1, bytes_out: 1,
    meters: { prompt_tokens: 2, completion_tokens: 3 },
};

const answers: Record<string, unknown> = {
    capabilities: { capabilities: [{ name: 'echo', version: '1', versions: ['1'] }] }, jobs: { jobs: [] }, keys: { keys: [] }, apps: { apps: [] },
    requests: { requests: [], unreadable: 0 }, usage: { rows: [row], records: 1, complete: true },
};

const scope = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
const { eventWrapper } = getConfig();

beforeEach(() => {
    vi.stubGlobal('fetch', vi.fn((path: string) => (
        Promise.resolve(new Response(JSON.stringify(answers[/v1\/(\w+)/.exec(path)?.[1] ?? ''] ?? {})))
    )));
});
afterEach(() => {
    configure({ eventWrapper });
    scope.IS_REACT_ACT_ENVIRONMENT = true;
    vi.unstubAllGlobals();
});

function show(address: string, page: ReactNode): void {
    window.history.replaceState(null, '', `/console${address}`);
    render(<QueryClientProvider client={new QueryClient()}><AddressRouter>{page}</AddressRouter></QueryClientProvider>);
}

const button = (name: string) => screen.getByRole('button', { name });
const click = (name: string) => () => { fireEvent.click(button(name)); };
const type = (label: string, text: string) => () => { fireEvent.change(screen.getByLabelText(label), { target: { value: text } }); };
const typed = (label: string) => screen.getByLabelText<HTMLInputElement>(label).value;

/** One after the other as in a browser, on a page too busy for anything that may wait. */
async function quickly(...acts: (() => void)[]): Promise<void> {
    scope.IS_REACT_ACT_ENVIRONMENT = false;
    configure({ eventWrapper: (act) => { act(); } });
    for (const act of acts) {
        act();
        await Promise.resolve();
    }
}

/** What may wait had its turn. */
const rest = () => new Promise((resolve) => { setTimeout(resolve, 50); });

it('keeps all of three quick choices of usage', async () => {
    show('/usage', <UsagePage />);
    await screen.findByRole('button', { name: 'Tokens' });
    await quickly(click('Tokens'), click('Key'), click('24 h'));
    expect(window.location.search).toBe('?days=1&by=key&show=tokens');
});

it('keeps both of two quick choices of jobs', async () => {
    show('/jobs', <JobsPage />);
    await screen.findByRole('option', { name: 'echo@1' });
    await quickly(click('failed'), type('Capability', 'echo@1'));
    expect(window.location.search).toBe('?state=failed&capability=echo%401');
});

it('keeps a choice of keys from what is typed right after it', async () => {
    show('/keys', <KeysPage session={session} />);
    await screen.findByRole('button', { name: 'all' });
    await quickly(click('all'), type('Search keys', 'till'));
    expect(window.location.search).toBe('?q=till&show=all');
});

it('keeps a choice of the directory from what is typed right after it', async () => {
    show('/directory', <DirectoryPage session={session} />);
    await quickly(click('Users'), type('Search', 'ann'));
    expect(window.location.search).toBe('?kind=users&q=ann');
});

it('keeps quick choices of calls, and what is typed between them', async () => {
    show('/requests', <RequestsPage session={session} />);
    await quickly(click('failed'), type('App', 'shop'), click('24 h'), type('User', 'ann'));
    expect(window.location.search).toBe('?app=shop&outcome=failed&hours=24');
    await rest();
    expect([typed('App'), typed('User')]).toEqual(['shop', 'ann']);
});

it('clears what was sent and what was not, but nothing that is typed right after', async () => {
    show('/requests?app=shop', <RequestsPage session={session} />);
    await quickly(type('User', 'ann'), click('Clear the filter'), type('Tenant', 'acme'));
    await rest();
    expect(window.location.search).toBe('');
    expect([typed('App'), typed('User'), typed('Tenant')]).toEqual(['', '', 'acme']);
});

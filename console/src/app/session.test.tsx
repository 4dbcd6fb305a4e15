import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import type { Session } from '../api/types';
import { may, seesStatus } from './rights';
import { SessionProvider, takeLinkToken, useSession } from './session';
import { SignInPage } from './sign-in-page';

const session: Session = {
    tenant: 'default', name: 'ann', roles: ['admin'], system: true, csrf_token: 't', expires_at: '',
};

function Shown() {
    const now = useSession();
    if (now.state === 'out') return <SignInPage why={now.why} enter={now.enter} />;
    return <p>{now.state === 'in' ? `signed in as ${now.session.name}` : now.state}</p>;
}

/** A server that knows one token and one key. */
function serve(): string[] {
    const bodies: string[] = [];
    vi.stubGlobal('fetch', vi.fn((_path: string, init: RequestInit) => {
        if (init.method === 'GET') return Promise.resolve(new Response('{}', { status: 401 }));
        bodies.push(String(init.body));
        const good = /"token":"good"|"key":"hr_good"/.test(String(init.body));
        return Promise.resolve(new Response(JSON.stringify(good ? session : {}), { status: good ? 200 : 401 }));
    }));
    return bodies;
}

function show(): void {
    render(<QueryClientProvider client={new QueryClient()}><SessionProvider><Shown /></SessionProvider></QueryClientProvider>);
}

afterEach(() => { vi.unstubAllGlobals(); window.location.hash = ''; });

it('takes the token out of the address once', () => {
    window.location.hash = '#sign-in=abc-1';
    expect(takeLinkToken()).toBe('abc-1');
    expect(window.location.hash).toBe('');
    expect(takeLinkToken()).toBeUndefined();
});

it('signs in by the link', async () => {
    serve();
    window.location.hash = '#sign-in=good';
    show();
    await screen.findByText('signed in as ann');
});

it('says that a link was used, and takes a key instead', async () => {
    const bodies = serve();
    window.location.hash = '#sign-in=used';
    show();
    await screen.findByText(/This link was used before/);
    const field = screen.getByLabelText('With an API key');
    await userEvent.type(field, 'hr_bad{Enter}');
    await screen.findByText(/not valid/);
    await userEvent.clear(field);
    await userEvent.type(field, ' hr_good ');
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByText('signed in as ann');
    expect(bodies).toEqual(['{"token":"used"}', '{"key":"hr_bad"}', '{"key":"hr_good"}']);
});

it('takes a pasted link for its token', async () => {
    const bodies = serve();
    show();
    await userEvent.type(await screen.findByLabelText('With an API key'), 'http://h/console/#sign-in=good{Enter}');
    await screen.findByText('signed in as ann');
    expect(bodies).toEqual(['{"token":"good"}']);
});

it('hides the status from callers only', () => {
    expect(seesStatus({ ...session, system: false, roles: ['caller'] })).toBe(false);
    expect(seesStatus({ ...session, system: false, roles: ['viewer'] })).toBe(true);
});

it('shows keys to admins, and what changes a server to operators', () => {
    const as = (role: string) => ({ ...session, system: false, roles: [role] });
    expect(['admin', 'operator', 'developer', 'viewer', 'caller'].map((role) => may(as(role), 'admin'))).toEqual([true, false, false, false, false]);
    expect(['admin', 'operator', 'developer', 'viewer', 'caller'].map((role) => may(as(role), 'operator'))).toEqual([true, true, false, false, false]);
});

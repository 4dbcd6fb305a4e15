import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, call, query, setToken, whenSignedOut } from './client';
import { onThisOrigin } from './routes';

function answer(status: number, body: unknown): void {
    vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(JSON.stringify(body), { status }))));
}

describe('call', () => {
    afterEach(() => { vi.unstubAllGlobals(); setToken(''); });

    it('carries the token only where something changes', async () => {
        setToken('t');
        answer(200, {});
        await call('GET', '/status');
        await call('POST', '/jobs', { body: { a: 1 } });
        const sent = vi.mocked(fetch).mock.calls.map(([, init]) => init?.headers as Record<string, string>);
        expect(sent[0]).not.toHaveProperty('X-CSRF-Token');
        expect(sent[1]).toMatchObject({ 'X-CSRF-Token': 't', 'Content-Type': 'application/json' });
    });

    it('turns a problem into an error with its fields', async () => {
        answer(400, { code: 'invalid_argument', detail: 'no', errors: [{ path: 'input.rate', rule: 'min', limit: '80' }] });
        const error = await call('POST', '/jobs').catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(ApiError);
        expect(error).toMatchObject({ status: 400, message: 'no', faults: [{ path: 'input.rate' }] });
    });

    it('says when the session has ended, but not while signing in', async () => {
        const ended = vi.fn();
        whenSignedOut(ended);
        answer(401, {});
        await expect(call('POST', '/session', { quiet: true })).rejects.toThrow();
        expect(ended).not.toHaveBeenCalled();
        answer(401, {});
        await expect(call('GET', '/status')).rejects.toThrow();
        expect(ended).toHaveBeenCalledOnce();
    });

    it('finds out what a 404 means: no session, or no such thing', async () => {
        const ended = vi.fn();
        whenSignedOut(ended);
        const answers = [404, 200, 404, 401];
        vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response('{}', { status: answers.shift() ?? 500 }))));
        await expect(call('GET', '/jobs/x')).rejects.toMatchObject({ status: 404 });
        await vi.waitFor(() => { expect(answers).toHaveLength(2); }, 30_000);
        expect(ended).not.toHaveBeenCalled();
        await expect(call('GET', '/jobs')).rejects.toMatchObject({ status: 404 });
        await vi.waitFor(() => { expect(ended).toHaveBeenCalledOnce(); }, 30_000);
    });

    it('names a server that does not answer', async () => {
        vi.stubGlobal('fetch', vi.fn(() => Promise.reject(new TypeError('x'))));
        await expect(call('GET', '/status')).rejects.toMatchObject({ status: 0, code: 'unavailable' });
    });
});

it('leaves empty query parameters out', () => {
    expect(query({ state: 'failed', capability: '', limit: 5, cursor: undefined })).toBe('?state=failed&limit=5');
    expect(query({})).toBe('');
});

it('moves signed links to the own origin and leaves others alone', () => {
    expect(onThisOrigin('http://127.0.0.1:8600/api/v1/files/1/content?token=x')).toBe('/api/v1/files/1/content?token=x');
    expect(onThisOrigin('https://elsewhere.example/a.png')).toBe('https://elsewhere.example/a.png');
});

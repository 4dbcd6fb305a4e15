// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { ApiKey } from '../../api/admin-types';
import { changeOf, draftOf, emptyDraft, faultsOf, oldSecretUntil, requestOf, shownKeys, stateOf } from './key-model';

const now = Date.parse('2026-05-01T12:00:00Z');
const key = (id: string, more: Partial<ApiKey> = {}): ApiKey => (
    { id, name: id, role: 'caller', tenant: 'default', created_at: '2026-04-01T00:00:00Z', ...more }
);

it('tells the state of a key', () => {
    expect(stateOf(key('a'), now)).toBe('active');
    expect(stateOf(key('a', { expires_at: '2026-06-01T00:00:00Z' }), now)).toBe('active');
    expect(stateOf(key('a', { expires_at: '2026-05-03T00:00:00Z' }), now)).toBe('ending');
    expect(stateOf(key('a', { expires_at: '2026-05-01T12:00:00Z' }), now)).toBe('expired');
    expect(stateOf(key('a', { expires_at: '2026-06-01T00:00:00Z', revoked_at: '2026-04-02T00:00:00Z' }), now)).toBe('revoked');
});

it('lists what works first, newest first, and finds by words', () => {
    const all = [
        key('old', { created_at: '2026-01-01T00:00:00Z' }), key('gone', { revoked_at: '2026-04-02T00:00:00Z', created_at: '2026-04-30T00:00:00Z' }),
        key('new', { capabilities: ['ocr'] }),
    ];
    const ids = (search: string, ended: boolean) => shownKeys(all, search, ended, now).map(({ id }) => id);
    expect(ids('', true)).toEqual(['new', 'old', 'gone']);
    expect(ids('', false)).toEqual(['new', 'old']);
    expect(ids('CALLER ocr', true)).toEqual(['new']);
    expect(ids('admin', true)).toEqual([]);
});

it('tells how long an old secret goes on', () => {
    expect(oldSecretUntil(key('a', { old_secret_until: '2026-05-01T13:00:00Z' }), now)).toBe('2026-05-01T13:00:00Z');
    expect(oldSecretUntil(key('a', { old_secret_until: '2026-05-01T12:00:00Z' }), now)).toBeUndefined();
});

describe('the request', () => {
    it('says only what was chosen', () => {
        expect(requestOf({ ...emptyDraft, name: ' app ', expiry: 'never' }, 'default', now)).toEqual({ name: 'app', role: 'caller' });
        expect(requestOf({ ...emptyDraft, name: 'a', tenant: 'default', expiry: '30' }, 'default', now))
            .toEqual({ name: 'a', role: 'caller', expires_at: '2026-05-31T12:00:00.000Z' });
        const all = {
            ...emptyDraft, name: 'a', tenant: 'acme', app: 'shop', user: 'ann', limited: true, capabilities: ['ocr'], others: 'org/m\nocr',
            addresses: '10.0.0.0/8, 2001:db8::/32\n', limits: { ...emptyDraft.limits, concurrency: '4' }, expiry: 'never' as const,
        };
        expect(requestOf(all, 'default', now)).toEqual({
            name: 'a', role: 'caller', tenant: 'acme', app: 'shop', user: 'ann', capabilities: ['ocr', 'org/m'],
            addresses: ['10.0.0.0/8', '2001:db8::/32'], limits: { concurrency: 4 },
        });
    });

    it('of a change says all that can be changed, and leaves the end', () => {
        const old = key('a', { app: 'shop', capabilities: ['ocr', 'gone'], limits: { requests_per_day: 5 }, expires_at: '2026-06-01T00:00:00Z' });
        const draft = draftOf(old, ['ocr']);
        expect(draft).toMatchObject({ limited: true, capabilities: ['ocr'], others: 'gone' });
        expect(changeOf(draft, now)).toEqual({
            name: 'a', app: 'shop', user: '', capabilities: ['ocr', 'gone'], addresses: [], limits: { requests_per_day: 5 },
        });
        expect(changeOf({ ...draft, app: '', limited: false, expiry: '30' }, now))
            .toMatchObject({ app: '', capabilities: [], expires_at: '2026-05-31T12:00:00.000Z' });
    });

    it('is not sent with a fault', () => {
        const wrong = { ...emptyDraft, limited: true, expiry: 'date' as const, limits: { ...emptyDraft.limits, tokens_per_minute: '-1' } };
        expect(faultsOf(wrong, now).map(({ path }) => path)).toEqual(['name', 'capabilities', 'expires_at', 'limits.tokens_per_minute']);
        const date = (day: string) => faultsOf({ ...emptyDraft, name: 'a', expiry: 'date', date: day }, now).map(({ path }) => path);
        expect(date('2026-04-30')).toEqual(['expires_at']);
        expect(date('2026-05-02')).toEqual([]);
    });
});

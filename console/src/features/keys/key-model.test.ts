// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { ApiKey } from '../../api/admin-types';
import { emptyDraft, faultsOf, requestOf, shownKeys, stateOf } from './key-model';

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

describe('the request', () => {
    it('says only what was chosen', () => {
        expect(requestOf({ ...emptyDraft, name: ' app ', expiry: 'never' }, 'default', now)).toEqual({ name: 'app', role: 'caller' });
        expect(requestOf({ ...emptyDraft, name: 'a', tenant: 'default', expiry: '30' }, 'default', now))
            .toEqual({ name: 'a', role: 'caller', expires_at: '2026-05-31T12:00:00.000Z' });
        expect(requestOf({ ...emptyDraft, name: 'a', tenant: 'acme', limited: true, capabilities: ['ocr'], expiry: 'never' }, 'default', now))
            .toEqual({ name: 'a', role: 'caller', tenant: 'acme', capabilities: ['ocr'] });
    });

    it('is not sent with a fault', () => {
        expect(faultsOf({ ...emptyDraft, limited: true, expiry: 'date' }, now)).toEqual(['name', 'capabilities', 'date']);
        expect(faultsOf({ ...emptyDraft, name: 'a', expiry: 'date', date: '2026-04-30' }, now)).toEqual(['date']);
        expect(faultsOf({ ...emptyDraft, name: 'a', expiry: 'date', date: '2026-05-02' }, now)).toEqual([]);
    });
});

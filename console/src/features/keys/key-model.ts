import type { ApiKey, KeyChange, KeyRequest, Role } from '../../api/admin-types';
import type { FieldFault } from '../../api/client';
import { limitsDraft, limitsFaults, limitsOf, type LimitsDraft } from '../../forms/limits';

export const roles: Role[] = ['caller', 'viewer', 'developer', 'operator', 'admin', 'worker'];

export type KeyState = 'active' | 'ending' | 'expired' | 'revoked';

interface Look {
    tone: 'good' | 'warn' | 'wait';
    icon: 'check' | 'clock' | 'stop';
}

export const stateLook: Record<KeyState, Look> = {
    active: { tone: 'good', icon: 'check' },
    ending: { tone: 'warn', icon: 'clock' },
    expired: { tone: 'wait', icon: 'clock' },
    revoked: { tone: 'wait', icon: 'stop' },
};

const day = 86_400_000;
/** A key that ends within this is worth a look. */
const soon = 7 * day;

export function stateOf(key: ApiKey, now: number): KeyState {
    if (key.revoked_at) return 'revoked';
    if (!key.expires_at) return 'active';
    const left = Date.parse(key.expires_at) - now;
    return left <= 0 ? 'expired' : left < soon ? 'ending' : 'active';
}

export const works = (state: KeyState) => state === 'active' || state === 'ending';

/** When the secret before the last stops working, while it still does. */
export function oldSecretUntil(key: ApiKey, now: number): string | undefined {
    return key.old_secret_until && Date.parse(key.old_secret_until) > now ? key.old_secret_until : undefined;
}

/** Those that work first, then by age, newest first; every word must stand in what tells a key from others. */
export function shownKeys(all: ApiKey[], search: string, ended: boolean, now: number): ApiKey[] {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (key: ApiKey) => {
        const text = [key.name, key.role, key.tenant, key.id, key.app, key.user, ...key.capabilities ?? [], ...key.addresses ?? []];
        const whole = text.join(' ').toLowerCase();
        return words.every((word) => whole.includes(word));
    };
    const rank = (key: ApiKey) => (works(stateOf(key, now)) ? 0 : 1);
    return all.filter((key) => fits(key) && (ended || rank(key) === 0))
        .sort((a, b) => rank(a) - rank(b) || Date.parse(b.created_at) - Date.parse(a.created_at));
}

/** `kept`: as it is, of a key that is there already. */
export type Expiry = 'kept' | 'never' | '30' | '90' | '365' | 'date';

export interface KeyDraft {
    name: string;
    role: Role;
    tenant: string;
    app: string;
    user: string;
    /** False: all of them. */
    limited: boolean;
    /** Names of capabilities and ids of models. */
    capabilities: string[];
    /** Of what is not served now: one a line. */
    others: string;
    /** Blocks of addresses, one a line. */
    addresses: string;
    limits: LimitsDraft;
    expiry: Expiry;
    /** YYYY-MM-DD; the key works to the end of that day. */
    date: string;
}

export const emptyDraft: KeyDraft = {
    name: '', role: 'caller', tenant: '', app: '', user: '', limited: false, capabilities: [], others: '', addresses: '',
    limits: limitsDraft(), expiry: '90', date: '',
};

/** `served`: what can be ticked; the rest stands in the field below. */
export function draftOf(key: ApiKey, served: string[]): KeyDraft {
    const names = key.capabilities ?? [];
    return {
        ...emptyDraft, name: key.name, role: key.role, tenant: key.tenant, app: key.app ?? '', user: key.user ?? '',
        limited: names.length > 0, capabilities: names.filter((name) => served.includes(name)),
        others: names.filter((name) => !served.includes(name)).join('\n'),
        addresses: (key.addresses ?? []).join('\n'), limits: limitsDraft(key.limits), expiry: 'kept',
    };
}

/** Also commas separate, as people write them. */
export const linesOf = (text: string) => text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);

function endOf(draft: KeyDraft, now: number): number | undefined {
    if (draft.expiry === 'never' || draft.expiry === 'kept') return undefined;
    if (draft.expiry === 'date') return Date.parse(`${draft.date}T23:59:59`);
    return now + Number(draft.expiry) * day;
}

const namesOf = (draft: KeyDraft) => (draft.limited ? [...new Set([...draft.capabilities, ...linesOf(draft.others)])] : []);

/** By the paths and rules that the server would name. */
export function faultsOf(draft: KeyDraft, now: number): FieldFault[] {
    const faults: FieldFault[] = [];
    if (draft.name.trim() === '') faults.push({ path: 'name', rule: 'required' });
    if (draft.limited && namesOf(draft).length === 0) faults.push({ path: 'capabilities', rule: 'min_items', limit: 1 });
    if (draft.expiry === 'date' && !((endOf(draft, now) ?? NaN) > now)) faults.push({ path: 'expires_at', rule: 'future' });
    return [...faults, ...limitsFaults(draft.limits)];
}

/** `home` is the tenant of the one who asks: it need not be named. */
export function requestOf(draft: KeyDraft, home: string, now: number): KeyRequest {
    const end = endOf(draft, now);
    const tenant = draft.tenant.trim();
    const names = namesOf(draft);
    const addresses = linesOf(draft.addresses);
    const limits = limitsOf(draft.limits);
    return {
        name: draft.name.trim(), role: draft.role,
        ...(tenant !== '' && tenant !== home ? { tenant } : {}),
        ...(draft.app ? { app: draft.app } : {}),
        ...(draft.user ? { user: draft.user } : {}),
        ...(names.length > 0 ? { capabilities: names } : {}),
        ...(addresses.length > 0 ? { addresses } : {}),
        ...(Object.keys(limits).length > 0 ? { limits } : {}),
        ...(end === undefined ? {} : { expires_at: new Date(end).toISOString() }),
    };
}

/** All that can be changed, but the end, which stays unless another was chosen. */
export function changeOf(draft: KeyDraft, now: number): KeyChange {
    const end = endOf(draft, now);
    return {
        name: draft.name.trim(), app: draft.app, user: draft.user, capabilities: namesOf(draft),
        addresses: linesOf(draft.addresses), limits: limitsOf(draft.limits),
        ...(end === undefined ? {} : { expires_at: new Date(end).toISOString() }),
    };
}

/** How long the old secret goes on, in seconds. */
export const overlaps = [0, 3_600, 86_400, 604_800, 2_592_000] as const;

import type { ApiKey, KeyRequest, Role } from '../../api/admin-types';

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

/** Those that work first, then by age, newest first; every word must stand in name, role, tenant or id. */
export function shownKeys(all: ApiKey[], search: string, ended: boolean, now: number): ApiKey[] {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (key: ApiKey) => {
        const text = `${key.name} ${key.role} ${key.tenant} ${key.id} ${(key.capabilities ?? []).join(' ')}`.toLowerCase();
        return words.every((word) => text.includes(word));
    };
    const rank = (key: ApiKey) => (works(stateOf(key, now)) ? 0 : 1);
    return all.filter((key) => fits(key) && (ended || rank(key) === 0))
        .sort((a, b) => rank(a) - rank(b) || Date.parse(b.created_at) - Date.parse(a.created_at));
}

export type Expiry = 'never' | '30' | '90' | '365' | 'date';
export const expiries: Expiry[] = ['never', '30', '90', '365', 'date'];

export interface KeyDraft {
    name: string;
    role: Role;
    tenant: string;
    /** False: all of them. */
    limited: boolean;
    capabilities: string[];
    expiry: Expiry;
    /** YYYY-MM-DD; the key works to the end of that day. */
    date: string;
}

export const emptyDraft: KeyDraft = {
    name: '', role: 'caller', tenant: '', limited: false, capabilities: [], expiry: '90', date: '',
};

export type KeyFault = 'name' | 'capabilities' | 'date';

function endOf(draft: KeyDraft, now: number): number | undefined {
    if (draft.expiry === 'never') return undefined;
    if (draft.expiry === 'date') return Date.parse(`${draft.date}T23:59:59`);
    return now + Number(draft.expiry) * day;
}

export function faultsOf(draft: KeyDraft, now: number): KeyFault[] {
    const faults: KeyFault[] = [];
    if (draft.name.trim() === '') faults.push('name');
    if (draft.limited && draft.capabilities.length === 0) faults.push('capabilities');
    if (draft.expiry === 'date' && !((endOf(draft, now) ?? NaN) > now)) faults.push('date');
    return faults;
}

/** `home` is the tenant of the one who asks: it need not be named. */
export function requestOf(draft: KeyDraft, home: string, now: number): KeyRequest {
    const end = endOf(draft, now);
    const tenant = draft.tenant.trim();
    return {
        name: draft.name.trim(), role: draft.role,
        ...(tenant !== '' && tenant !== home ? { tenant } : {}),
        ...(draft.limited ? { capabilities: draft.capabilities } : {}),
        ...(end === undefined ? {} : { expires_at: new Date(end).toISOString() }),
    };
}

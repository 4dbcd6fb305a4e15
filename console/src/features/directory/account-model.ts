import type { Account, AccountChange, AccountKind, AccountRequest, Role } from '../../api/admin-types';
import type { FieldFault } from '../../api/client';
import { limitsDraft, limitsFaults, limitsOf, type LimitsDraft } from '../../forms/limits';

/** Tenants are the system's; apps and users are of a tenant. */
export const kinds: AccountKind[] = ['tenants', 'apps', 'users'];
export const roles: Role[] = ['caller', 'viewer', 'developer', 'operator', 'admin', 'worker'];

export interface ModelDraft {
    model: string;
    limits: LimitsDraft;
}

export interface AccountDraft {
    name: string;
    tenant: string;
    title: string;
    email: string;
    role: Role;
    enabled: boolean;
    limits: LimitsDraft;
    models: ModelDraft[];
}

export function draftOf(account: Account | undefined, home: string): AccountDraft {
    return {
        name: account?.name ?? '', tenant: account?.tenant ?? home, title: account?.title ?? '', email: account?.email ?? '',
        role: account?.role ?? 'caller', enabled: account?.enabled ?? true, limits: limitsDraft(account?.limits),
        models: Object.entries(account?.models ?? {}).map(([model, limits]) => ({ model, limits: limitsDraft(limits) })),
    };
}

export function faultsOf(kind: AccountKind, draft: AccountDraft): FieldFault[] {
    const faults: FieldFault[] = draft.name.trim() === '' ? [{ path: 'name', rule: 'required' }] : [];
    if (kind === 'users') return faults;
    faults.push(...limitsFaults(draft.limits));
    if (kind !== 'tenants') return faults;
    draft.models.forEach(({ model, limits }, at) => {
        const twice = draft.models.slice(0, at).some((other) => other.model.trim() === model.trim());
        if (model.trim() === '') faults.push({ path: `models[${at}].id`, rule: 'required' });
        else if (twice) faults.push({ path: `models[${at}].id`, rule: 'duplicate' });
        faults.push(...limitsFaults(limits, `models[${at}]`));
    });
    return faults;
}

export function changeOf(kind: AccountKind, draft: AccountDraft): AccountChange {
    const shared = { title: draft.title.trim(), enabled: draft.enabled };
    if (kind === 'users') return { ...shared, email: draft.email.trim(), role: draft.role };
    if (kind === 'apps') return { ...shared, limits: limitsOf(draft.limits) };
    const models = Object.fromEntries(draft.models.map(({ model, limits }) => [model.trim(), limitsOf(limits)]));
    return { ...shared, limits: limitsOf(draft.limits), models };
}

/** `home` is the tenant of the one who asks: it need not be named. */
export function requestOf(kind: AccountKind, draft: AccountDraft, home: string): AccountRequest {
    const tenant = draft.tenant.trim();
    return {
        name: draft.name.trim(), ...(kind !== 'tenants' && tenant !== '' && tenant !== home ? { tenant } : {}), ...changeOf(kind, draft),
    };
}

export function shown(all: Account[], search: string): Account[] {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ name, tenant, title, email }: Account) => {
        const text = [name, tenant, title, email].join(' ').toLowerCase();
        return words.every((word) => text.includes(word));
    };
    return all.filter(fits).sort((a, b) => (a.tenant ?? '').localeCompare(b.tenant ?? '') || a.name.localeCompare(b.name));
}

/** The wire of keys, accounts and usage: docs/protocols/native.md. Optional = absent where empty. */

export type Role = 'admin' | 'operator' | 'developer' | 'viewer' | 'caller' | 'worker';

/** What is absent or 0 is not limited. */
export interface Limits {
    requests_per_minute?: number;
    requests_per_day?: number;
    tokens_per_minute?: number;
    concurrency?: number;
}

export interface ApiKey {
    id: string;
    name: string;
    role: Role;
    tenant: string;
    app?: string;
    user?: string;
    /** Names of capabilities or ids of models; absent: all. */
    capabilities?: string[];
    addresses?: string[];
    limits?: Limits;
    created_at: string;
    expires_at?: string;
    revoked_at?: string;
    rotated_at?: string;
    old_secret_until?: string;
    last_used_at?: string;
}

/** As it is made or rotated: the one time that the secret is told. */
export interface NewKey extends ApiKey {
    key: string;
}

/** An empty text or list takes away what stood there. */
export interface KeyChange {
    name?: string;
    app?: string;
    user?: string;
    capabilities?: string[];
    addresses?: string[];
    limits?: Limits;
    expires_at?: string;
}

export interface KeyRequest extends KeyChange {
    name: string;
    role: Role;
    tenant?: string;
}

export type AccountKind = 'tenants' | 'apps' | 'users';

/** A tenant, an app or a user: each has the members of its kind. */
export interface Account {
    name: string;
    /** Of an app or a user. */
    tenant?: string;
    title?: string;
    enabled: boolean;
    /** Of a tenant or an app. */
    limits?: Limits;
    /** Of a tenant: limits by the id of the model. */
    models?: Record<string, Limits>;
    /** Of a user. */
    email?: string;
    role?: Role;
    created_at?: string;
}

export type AccountChange = Partial<Pick<Account, 'title' | 'enabled' | 'limits' | 'models' | 'email' | 'role'>>;
export interface AccountRequest extends AccountChange {
    name: string;
    tenant?: string;
}

export type UsageBy = 'key' | 'app' | 'model' | 'day' | 'hour';

export interface UsageRow {
    key?: string;
    key_name?: string;
    app?: string;
    model?: string;
    /** In UTC, as "2026-11-24" and "2026-11-24T09". */
    day?: string;
    hour?: string;
    jobs: number;
    succeeded: number;
    /** Or expired. */
    failed: number;
    attempts: number;
    queued_s: number;
    run_s: number;
    engine_s: number;
    bytes_in: number;
    bytes_out: number;
    meters: Record<string, number>;
}

export interface UsageSummary {
    rows: UsageRow[];
    records: number;
    /** False when there were more records, or groups, than one summary takes. */
    complete: boolean;
}

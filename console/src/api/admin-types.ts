import type { JobState, Usage } from './types';

/** The wire of keys and usage: docs/protocols/native.md. Optional = absent where empty. */

export type Role = 'admin' | 'operator' | 'developer' | 'viewer' | 'caller' | 'worker';

export interface ApiKey {
    id: string;
    name: string;
    role: Role;
    tenant: string;
    capabilities?: string[];
    created_at: string;
    expires_at?: string;
    revoked_at?: string;
}

/** As it is made: the one time that the secret is told. */
export interface NewKey extends ApiKey {
    key: string;
}

export interface KeyRequest {
    name: string;
    role: Role;
    tenant?: string;
    capabilities?: string[];
    expires_at?: string;
}

/** One per ended job. */
export interface UsageRecord {
    job: string;
    tenant: string;
    /** The id of the key that sent it. */
    caller: string;
    /** name@version */
    capability: string;
    state: JobState;
    attempts: number;
    queued_s: number;
    run_s: number;
    usage: Usage;
    finished_at: string;
}

export interface UsagePage {
    usage: UsageRecord[];
    next_cursor: string | null;
}

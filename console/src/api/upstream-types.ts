/** The wire of upstreams: docs/operate/upstreams.md. */

export type UpstreamState = 'disabled' | 'up' | 'paused' | 'open' | 'half_open' | 'starting';
export type UpstreamKind = 'openai' | 'fastchat';

export interface UpstreamModel {
    id: string;
    /** What the server calls it. */
    remote: string;
    profile: string;
}

export interface UpstreamHealth {
    state: UpstreamState;
    reason?: string;
    since?: string;
    until?: string;
    in_flight: number;
    /** These and the tokens: since the server started. */
    calls: number;
    failures: number;
    prompt_tokens: number;
    completion_tokens: number;
    last_ok_at?: string;
    last_error?: string;
    last_error_at?: string;
    /** The last heart-beat of one that registers by itself. */
    heard_at?: string;
    /** What it says of its own queue. */
    load?: number;
}

export const phases = ['connect', 'first_byte', 'between', 'total'] as const;
export type Phase = (typeof phases)[number];

export interface Upstream {
    name: string;
    tenant: string;
    kind: UpstreamKind;
    base_url: string;
    has_key: boolean;
    models: UpstreamModel[];
    weight: number;
    priority: number;
    concurrency: number;
    /** Seconds. */
    timeouts: Record<Phase, number>;
    /** In a row that open the circuit. */
    failures: number;
    /** Seconds; 0 is never. */
    probe_every: number;
    /** Whom its certificate may be from, in PEM, and whom it is for. */
    ca?: string;
    server_name?: string;
    /** Values are stars: they are not told again. */
    headers?: Record<string, string>;
    options?: Record<string, string>;
    enabled: boolean;
    allow_private: boolean;
    /** "admin", or the dialect that it registered through. */
    origin: string;
    health: UpstreamHealth;
}

export interface UpstreamChange {
    base_url?: string;
    /** null takes it away. */
    key?: string | null;
    models?: UpstreamModel[];
    weight?: number;
    priority?: number;
    concurrency?: number;
    timeouts?: Partial<Record<Phase, number>>;
    failures?: number;
    probe_every?: number;
    ca?: string;
    server_name?: string;
    /** All of them; stars leave the value that is set. */
    headers?: Record<string, string>;
    options?: Record<string, string>;
    enabled?: boolean;
    /** Who runs the server may say so. */
    allow_private?: boolean;
}

export interface UpstreamRequest extends UpstreamChange {
    name: string;
    tenant?: string;
    kind: UpstreamKind;
    base_url: string;
    models: UpstreamModel[];
}

export interface UpstreamTest {
    ok: boolean;
    message?: string;
    took_ms: number;
    models: string[];
}

/** The wire of upstreams: docs/operate/upstreams.md. */

export type UpstreamState = 'disabled' | 'up' | 'paused' | 'open' | 'half_open';
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
    probe_every: number;
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
    enabled?: boolean;
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

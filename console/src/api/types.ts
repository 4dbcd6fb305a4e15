/** The wire of `/api/v1` as the pages use it: docs/protocols/native.md. Optional = absent where empty. */

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Values = { [name: string]: Json };

export interface JobError {
    code: string;
    message: string;
    reason?: string;
    retryable: boolean;
    /** Seconds. */
    retry_after?: number;
}

export interface Progress {
    fraction?: number;
    message?: string;
    [output: string]: Json | undefined;
}

export interface Usage {
    engine_s: number;
    bytes_in: number;
    bytes_out: number;
    meters?: Record<string, number>;
}

export interface Job {
    id: string;
    capability: string;
    state: JobState;
    created_at: string;
    started_at?: string;
    finished_at?: string;
    attempt?: number;
    retry_of?: string;
    progress?: Progress;
    queue?: { position: number; estimate_s?: number };
    output?: Values;
    error?: JobError;
    usage?: Usage;
}

export interface JobPage {
    jobs: Job[];
    next_cursor: string | null;
}

export interface Span {
    name: 'accept' | 'queue' | 'attempt' | 'output';
    attempt?: number;
    worker?: string;
    start: string;
    end: string | null;
    error?: JobError | string;
}

export interface LogLine {
    time: string;
    level: string;
    message: string;
    attempt?: number;
}

export interface Timeline {
    job: Job;
    spans: Span[];
    logs: LogLine[];
    input?: Values;
}

export type Kind =
    | 'text' | 'audio' | 'image' | 'video' | 'other' | 'tensor'
    | 'integer' | 'float' | 'boolean' | 'string' | 'enum' | 'time' | 'json';

/** One entry of an interface: docs/engine-toml.md, "Fields". */
export interface FieldSpec {
    kind: Kind;
    title?: string;
    description?: string;
    required?: boolean;
    nullable?: boolean;
    default?: Json;
    count?: string;
    list?: boolean;
    min_items?: number;
    max_items?: number;
    values?: Json[];
    min?: number | string;
    max?: number | string;
    exclusive_min?: number;
    exclusive_max?: number;
    multiple_of?: number;
    min_length?: number;
    max_length?: number;
    pattern?: string;
    content_types?: string[];
    encodings?: string[];
    sample_rate?: number[];
    channels?: number[];
    max_bytes?: number;
    dtype?: string;
    shape?: number[];
    schema?: Json;
    stream?: 'append' | 'replace';
    conditional?: boolean;
}

export type Fields = Record<string, FieldSpec>;

export interface Interface {
    mode?: 'once' | 'stream';
    profile?: string;
    inputs?: Fields;
    parameters?: Fields;
    outputs?: Fields;
    meters?: Record<string, { unit?: string; description?: string }>;
}

export interface CapabilityEntry {
    name: string;
    version: string;
    title?: string;
    description?: string;
    mode: 'once' | 'stream';
    profile?: string;
    /** The id that /v1 knows it by. */
    model?: string;
    versions: string[];
}

export interface Capability extends CapabilityEntry {
    interface: Interface;
}

export interface StoredFile {
    id: string;
    size: number;
    content_type: string;
}

export interface Session {
    tenant: string;
    name: string;
    roles: string[];
    system: boolean;
    csrf_token: string;
    expires_at: string;
    client_url?: string;
}

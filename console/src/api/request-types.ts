/** The wire of the request log: docs/protocols/native.md and docs/operate/telemetry.md. Optional = absent where empty. */
import type { JobState } from './types';

/** Refused: it got no job. */
export type Outcome = Exclude<JobState, 'queued' | 'running'> | 'refused';

export interface LoggedCall {
    at: string;
    /** Absent of a refusal, as all that only a job has. */
    job?: string;
    /** /v1 answers with it: x-request-id: req_TRACE. */
    trace?: string;
    tenant: string;
    /** The key's id, and what it is called now. */
    key: string;
    key_name?: string;
    app?: string;
    user?: string;
    /** A refusal's, where its model's name led to one. */
    capability?: string;
    model: string;
    operation: 'chat' | 'embed';
    durable?: boolean;
    outcome: Outcome;
    code?: string;
    /** Of a refusal, and of an upstream's own answer that is no 200. */
    status?: number;
    /** What a refusal said. */
    message?: string;
    /** Refusals of its key that have no line, since the one before. */
    left_out?: number;
    upstream?: string;
    attempts?: number;
    prompt_tokens?: number;
    completion_tokens?: number;
    cached_tokens?: number;
    queue_ms?: number;
    first_token_ms?: number;
    rest_ms?: number;
    total_ms?: number;
    /** Texts are there only where the settings keep them; the bytes where they were cut. */
    request?: string;
    request_bytes?: number;
    answer?: string;
    answer_bytes?: number;
}

export interface RequestPage {
    requests: LoggedCall[];
    /** null: the log was searched to its end. */
    next_cursor: string | null;
    searched_to?: string;
    unreadable: number;
}

export interface RequestFilter {
    text?: string | undefined;
    model?: string | undefined;
    key?: string | undefined;
    app?: string | undefined;
    user?: string | undefined;
    upstream?: string | undefined;
    status?: string | undefined;
    tenant?: string | undefined;
    outcome?: string | undefined;
    from?: string | undefined;
    cursor?: string | undefined;
    limit?: number;
}

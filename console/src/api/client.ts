import type { Json } from './types';

export const prefix = '/api/v1';

export interface FieldFault {
    path: string;
    rule: string;
    limit?: string | number;
}

/** An answer that is not 2xx, or no answer at all (status 0). */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        detail: string,
        readonly faults: FieldFault[] = [],
        readonly traceId = '',
        readonly retryAfter = 0,
    ) {
        super(detail);
        this.name = 'ApiError';
    }
}

interface Problem {
    code?: string;
    detail?: string;
    title?: string;
    errors?: FieldFault[];
    trace_id?: string;
}

/** What the session gave: every request that changes something carries the token. */
let csrfToken = '';
let onSignedOut: () => void = () => undefined;

export function setToken(token: string): void {
    csrfToken = token;
}

/** Called when the server says 401 to anything but a sign-in. */
export function whenSignedOut(handler: () => void): void {
    onSignedOut = handler;
}

export interface RequestOptions {
    body?: Json | Blob | undefined;
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
    /** A 401 is an answer, not the end of the session. */
    quiet?: boolean;
}

async function problemOf(answer: Response): Promise<ApiError> {
    const problem = (await answer.json().catch(() => ({}))) as Problem;
    return new ApiError(
        answer.status,
        problem.code ?? 'internal',
        problem.detail ?? problem.title ?? `HTTP ${answer.status}`,
        problem.errors ?? [],
        problem.trace_id ?? '',
        Number(answer.headers.get('Retry-After') ?? 0),
    );
}

/** Without a session the control door has none of the client's routes: then a 404 means what a 401 does. */
async function noticeEnd(status: number): Promise<void> {
    if (status === 404) status = (await fetch(`${prefix}/session`, { credentials: 'same-origin' })).status;
    if (status === 401) onSignedOut();
}

/** Sends and checks; the body of the answer is the caller's. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
    let body: BodyInit | null = null;
    if (options.body instanceof Blob) {
        body = options.body;
    } else if (options.body !== undefined) {
        body = JSON.stringify(options.body);
        headers['Content-Type'] = 'application/json';
    }
    if (method !== 'GET' && csrfToken) headers['X-CSRF-Token'] = csrfToken;
    let answer: Response;
    try {
        answer = await fetch(prefix + path, {
            method, headers, body, signal: options.signal ?? null, credentials: 'same-origin',
        });
    } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') throw error;
        throw new ApiError(0, 'unavailable', 'the server does not answer');
    }
    if (answer.ok) return answer;
    if (!options.quiet) void noticeEnd(answer.status);
    throw await problemOf(answer);
}

/** JSON in, JSON out. The page and the server are one binary, so the shape is taken as documented. */
export async function call<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const answer = await send(method, path, options);
    if (answer.status === 204) return undefined as T;
    return (await answer.json()) as T;
}

/** `{a: 1, b: undefined}` to `?a=1`. */
export function query(parameters: Record<string, string | number | undefined>): string {
    const set = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
    if (set.length === 0) return '';
    return '?' + new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
}

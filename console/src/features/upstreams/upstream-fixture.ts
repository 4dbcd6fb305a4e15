import type { Upstream, UpstreamHealth } from '../../api/upstream-types';

export const health: UpstreamHealth = { state: 'up', in_flight: 0, calls: 0, failures: 0, prompt_tokens: 0, completion_tokens: 0 };

/** One that is up, for tests. */
export const upstream = (name: string, more: Partial<Upstream> = {}): Upstream => ({
    name, tenant: 'default', kind: 'openai', base_url: 'http://10.0.0.7:8000/v1', has_key: false,
    models: [{ id: 'org/m', remote: 'org/m', profile: 'chat' }], weight: 1, priority: 0, concurrency: 0, enabled: true,
    timeouts: { connect: 5, first_byte: 300, between: 60, total: 1800 }, failures: 3, probe_every: 15, allow_private: true, origin: 'admin', health, ...more,
});

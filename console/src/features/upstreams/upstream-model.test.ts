// @vitest-environment node
import { expect, it } from 'vitest';
import { health, upstream } from './upstream-fixture';
import { changeOf, draftOf, faultsOf, poolsOf, requestOf } from './upstream-model';

it('servers of one model and tenant are a pool', () => {
    const all = [
        upstream('a', { health: { ...health, in_flight: 2 } }),
        upstream('b', { health: { ...health, state: 'open', in_flight: 1 }, models: [
            { id: 'org/m', remote: 'm', profile: 'chat' }, { id: 'org/e', remote: 'e', profile: 'embed' },
        ] }),
        upstream('c', { tenant: 'acme' }),
    ];
    expect(poolsOf(all)).toEqual([
        { tenant: 'acme', model: 'org/m', profile: 'chat', servers: ['c'], up: 1, in_flight: 0 },
        { tenant: 'default', model: 'org/e', profile: 'embed', servers: ['b'], up: 0, in_flight: 1 },
        { tenant: 'default', model: 'org/m', profile: 'chat', servers: ['a', 'b'], up: 1, in_flight: 3 },
    ]);
});

it('a server makes the round through its form unchanged, without its key', () => {
    const one = upstream('a', { weight: 2.5, priority: 3, concurrency: 8, models: [{ id: 'x', remote: 'y', profile: 'embed' }] });
    const same = {
        base_url: one.base_url, models: one.models, weight: 2.5, priority: 3, concurrency: 8, enabled: true,
        timeouts: one.timeouts, failures: 3, probe_every: 15,
    };
    expect(changeOf(draftOf(one, 'default'), false)).toEqual(same);
    expect(changeOf(draftOf(one, 'default'), true)).toEqual({ ...same, allow_private: true });
    const fresh = { ...draftOf(undefined, 'default'), name: ' n ', base_url: 'http://a/v1', key: 'sk', models: [{ id: 'm', remote: '', profile: 'chat' }] };
    expect(requestOf(fresh, 'default', false)).toEqual({
        name: 'n', kind: 'openai', base_url: 'http://a/v1', models: [{ id: 'm', remote: 'm', profile: 'chat' }], weight: 1, priority: 0,
        concurrency: 0, enabled: true, key: 'sk',
    });
    expect(requestOf({ ...fresh, tenant: 'system' }, 'default', true).tenant).toBe('system');
});

it('names what is wrong by the path of the wire', () => {
    const draft = { ...draftOf(undefined, 'default'), weight: '', priority: '1.5', concurrency: 'x' };
    expect(faultsOf(draft, true).map(({ path }) => path)).toEqual(['name', 'base_url', 'models[0].id', 'weight', 'priority', 'concurrency']);
    expect(faultsOf({ ...draftOf(upstream('a'), 'default') }, false)).toEqual([]);
});

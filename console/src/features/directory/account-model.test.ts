// @vitest-environment node
import { expect, it } from 'vitest';
import { changeOf, draftOf, faultsOf, requestOf, shown } from './account-model';

it('a record makes the round through its form unchanged', () => {
    const tenant = { name: 'acme', title: 'Acme', enabled: false, limits: { concurrency: 4 }, models: { 'org/m': { requests_per_day: 9 } } };
    expect(changeOf('tenants', draftOf(tenant, 'default')))
        .toEqual({ title: 'Acme', enabled: false, limits: { concurrency: 4 }, models: { 'org/m': { requests_per_day: 9 } } });
    const user = { name: 'ann', tenant: 'acme', enabled: true, email: 'ann@example.com', role: 'viewer' as const };
    expect(requestOf('users', draftOf(user, 'default'), 'default'))
        .toEqual({ name: 'ann', tenant: 'acme', title: '', enabled: true, email: 'ann@example.com', role: 'viewer' });
    expect(requestOf('apps', { ...draftOf(undefined, 'default'), name: 'shop' }, 'default'))
        .toEqual({ name: 'shop', title: '', enabled: true, limits: {} });
});

it('names what is wrong by the path of the wire', () => {
    const draft = draftOf({ name: '', enabled: true, limits: {}, models: { m: {}, '': {} } }, 'default');
    draft.limits.concurrency = 'many';
    expect(faultsOf('tenants', draft)).toEqual([
        { path: 'name', rule: 'required' }, { path: 'limits.concurrency', rule: 'type:integer' }, { path: 'models[1].id', rule: 'required' },
    ]);
    draft.models = [...draft.models.slice(0, 1), ...draft.models.slice(0, 1)];
    expect(faultsOf('tenants', { ...draft, name: 'a' })[1]).toEqual({ path: 'models[1].id', rule: 'duplicate' });
    expect(faultsOf('users', draft)).toEqual([{ path: 'name', rule: 'required' }]);
});

it('finds by words, and sorts by tenant and name', () => {
    const all = [
        { name: 'till', tenant: 'b', enabled: true }, { name: 'web', tenant: 'a', enabled: true, title: 'Shop window' },
        { name: 'app', tenant: 'b', enabled: true },
    ];
    expect(shown(all, '').map(({ name }) => name)).toEqual(['web', 'app', 'till']);
    expect(shown(all, 'SHOP a').map(({ name }) => name)).toEqual(['web']);
});

// @vitest-environment node
import { expect, it } from 'vitest';
import { choiceOf, draftAfter, filterOf, filters, jsonIn, noChoice, searchOf, turnsOf } from './request-model';

it('a choice makes the round through the address', () => {
    const address = { text: 'bill', model: 'org/m', key: 'k', app: 'shop', user: 'ann', upstream: 'gpu-1', status: '400', tenant: 'acme', outcome: 'failed', hours: '24' };
    expect(searchOf(choiceOf(new URLSearchParams(address)))).toEqual(address);
    expect(searchOf(choiceOf(new URLSearchParams()))).toEqual({});
    expect(searchOf(choiceOf(new URLSearchParams({ outcome: 'running', hours: '5', app: '  ' })))).toEqual({});
    expect(filters(choiceOf(new URLSearchParams({ app: ' ' })))).toBe(false);
    expect(filters(choiceOf(new URLSearchParams({ app: 'x' })))).toBe(true);
});

it('what is typed gives way only where the address says something new', () => {
    const draft = { ...noChoice, app: 'sho', user: 'ann' };
    const from = { ...noChoice, app: 'shop', model: 'm' };
    expect(draftAfter(draft, from, { ...from, outcome: 'failed', range: 24 })).toEqual({ ...draft, outcome: 'failed', range: 24 });
    expect(draftAfter(draft, from, { ...from, app: 'till', model: '' })).toEqual({ ...draft, app: 'till', model: '' });
});

it('the server is asked for what was chosen, and for nothing that was not', () => {
    const now = Date.parse('2026-11-30T12:00:00Z');
    const asked = filterOf(choiceOf(new URLSearchParams({ app: ' shop ', hours: '24' })), now);
    expect(Object.entries(asked).filter(([, value]) => value !== undefined)).toEqual([
        ['app', 'shop'], ['limit', 50], ['from', '2026-11-29T12:00:00.000Z'],
    ]);
});

it('texts that are JSON are shown as such, cut ones as they are', () => {
    expect(jsonIn('[{"role":"user"}]')).toEqual([{ role: 'user' }]);
    expect(jsonIn('[{"role":"us')).toBeUndefined();
    expect(jsonIn('12')).toBeUndefined();
});

it('messages are told turn by turn, alone or within a body', () => {
    const turns = [{ role: 'user', content: 'hi' }];
    expect(turnsOf([{ role: 'user', content: 'hi' }])).toEqual({ turns, more: {} });
    expect(turnsOf({ model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] })).toEqual({ turns, more: { model: 'm' } });
    const call = { role: 'assistant', content: null, tool_calls: [{ id: '1' }] };
    expect(turnsOf([call])?.turns).toEqual([{ role: 'assistant', content: { tool_calls: [{ id: '1' }], content: null } }]);
    const picture = [{ type: 'image_url', image_url: { url: 'x' } }];
    expect(turnsOf([{ role: 'user', content: picture }])?.turns).toEqual([{ role: 'user', content: picture }]);
    for (const other of [{}, [], ['a text'], { input: ['a'] }, 3, null, [{ content: 'x' }]]) expect(turnsOf(other)).toBeUndefined();
});

// @vitest-environment node
import { expect, it } from 'vitest';
import { callDraftOf, callFaultsOf, callOf, newPair } from './call-model';
import { upstream } from './upstream-fixture';

it('says nothing of what was not typed', () => {
    expect(callOf(callDraftOf(undefined), false)).toEqual({});
    expect(callFaultsOf(callDraftOf(undefined), true)).toEqual([]);
});

it('header fields that are set go back as stars, new ones with their value, and what was dropped is gone', () => {
    const draft = callDraftOf(upstream('a', { headers: { 'X-Team': '***', 'X-Old': '***', 'X-New': '***' } }));
    expect(draft.headers.map(({ value }) => value)).toEqual(['', '', '']);
    draft.headers.splice(1, 1);
    draft.headers.push({ name: ' X-More ', value: 'v', set: false });
    const changed = draft.headers.map((each) => (each.name === 'X-New' ? { ...each, value: 'other' } : each));
    expect(callOf({ ...draft, headers: changed }, false).headers).toEqual({ 'X-Team': '***', 'X-New': 'other', 'X-More': 'v' });
    expect(callOf({ ...draft, headers: [] }, false).headers).toEqual({});
});

it('what stood there can be emptied', () => {
    const draft = callDraftOf(upstream('a', { ca: 'PEM\n', server_name: 'b', options: { tools: 'x' } }));
    expect(callOf(draft, false)).toMatchObject({ ca: 'PEM\n', server_name: 'b', options: { tools: 'x' } });
    expect(callOf({ ...draft, ca: ' ', server_name: '', options: [] }, false)).toMatchObject({ ca: '', server_name: '', options: {} });
});

it('names what is wrong by the path of its field', () => {
    const draft = callDraftOf(upstream('a'));
    const pair = (name: string, value: string) => ({ ...newPair(), name, value });
    const wrong = {
        ...draft, timeouts: { ...draft.timeouts, connect: '', total: 'x' }, failures: '1.5', probe_every: 'often',
        headers: [pair('', 'v'), pair('X-A', ''), pair('x-a', 'v')], options: [pair('a', 'v'), pair('A', 'v')],
    };
    expect(callFaultsOf(wrong, false)).toEqual([
        { path: 'timeouts.connect', rule: 'required' }, { path: 'timeouts.total', rule: 'type:number' },
        { path: 'failures', rule: 'type:integer' }, { path: 'probe_every', rule: 'type:number' },
        { path: 'headers[0].name', rule: 'required' }, { path: 'headers[1].value', rule: 'required' },
        { path: 'headers[2].name', rule: 'duplicate' },
    ]);
    expect(callFaultsOf(wrong, true).map(({ path }) => path)).not.toContain('timeouts.connect');
});

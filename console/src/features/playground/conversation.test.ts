import { expect, it } from 'vitest';
import { change, conversation, forgetAll } from './conversation';

it('lives in the tab, and is gone at sign-out', () => {
    change('chat@1.0.0', (now) => ({ ...now, system: 's', turns: [{ role: 'user', content: 'secret' }] }));
    expect(conversation('chat@1.0.0').turns).toHaveLength(1);
    expect(conversation('other@1.0.0').turns).toEqual([]);
    expect(JSON.stringify({ ...sessionStorage })).toContain('secret');
    expect(JSON.stringify({ ...localStorage })).not.toContain('secret');
    forgetAll();
    expect(conversation('chat@1.0.0')).toEqual({ system: '', turns: [], settings: {} });
    expect(sessionStorage.length).toBe(0);
});

it('begins anew where something else was written', () => {
    sessionStorage.setItem('headrace.chat.odd', '{"turns":');
    expect(conversation('odd').turns).toEqual([]);
});

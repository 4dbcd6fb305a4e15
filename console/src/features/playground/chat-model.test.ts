import { describe, expect, it } from 'vitest';
import { blocksOf, messagesOf, turnsOf } from './chat-model';

it('messages go out and come back', () => {
    const turns = [{ role: 'user' as const, content: 'a' }, { role: 'assistant' as const, content: 'b' }];
    const messages = messagesOf('be brief', turns);
    expect(messages[0]).toEqual({ role: 'system', content: 'be brief' });
    expect(turnsOf(JSON.stringify(messages))).toEqual({ system: 'be brief', turns });
    expect(messagesOf(' ', turns)).toHaveLength(2);
    expect(turnsOf('[null, 1, {"role":"tool","content":"x"}, {"role":"user"}]').turns).toEqual([]);
    expect(turnsOf('{').turns).toEqual([]);
});

describe('blocks', () => {
    it('splits at fences', () => {
        expect(blocksOf('see\n```c\nint a;\n```\ndone')).toEqual([
            { code: false, text: 'see' }, { code: true, text: 'int a;', language: 'c' }, { code: false, text: 'done' },
        ]);
    });

    it('shows a fence that is still open as code', () => {
        expect(blocksOf('```')).toEqual([{ code: true, text: '', language: '' }]);
        expect(blocksOf('a `b` ``` c')).toEqual([{ code: false, text: 'a `b` ``` c' }]);
    });
});

import { describe, expect, it } from 'vitest';
import { answerOf, askedFor, blocksOf, messagesOf, type Turn } from './chat-model';
import { idle, type Run } from './run-state';

const user = (content: string): Turn => ({ role: 'user', content });
const assistant = (content: string): Turn => ({ role: 'assistant', content });

it('messages are the system\'s words, if any, and the turns', () => {
    expect(messagesOf('be brief', [user('a'), assistant('b')])).toEqual([
        { role: 'system', content: 'be brief' }, { role: 'user', content: 'a' }, { role: 'assistant', content: 'b' },
    ]);
    expect(messagesOf(' ', [user('a')])).toEqual([{ role: 'user', content: 'a' }]);
    const calls = [{ id: 'c', type: 'function' }];
    expect(messagesOf('', [{ ...assistant(''), calls }])).toEqual([{ role: 'assistant', content: '', tool_calls: calls }]);
});

it('an answer is asked for anew from the question before it', () => {
    const turns = [user('a'), assistant('b'), user('c'), assistant('d')];
    expect(askedFor(turns, 1)).toEqual([user('a')]);
    expect(askedFor(turns, 3)).toEqual(turns.slice(0, 3));
    expect(askedFor(turns, 4)).toEqual(turns.slice(0, 3));
    expect(askedFor([], 0)).toEqual([]);
});

describe('the answer of a run', () => {
    const done: Run = {
        ...idle, phase: 'done', sent: 0, firstOutput: 10, ended: 110, output: { text: 'hi', finish_reason: 'length' },
        job: {
            id: 'j', capability: 'chat', state: 'succeeded', created_at: '',
            usage: { engine_s: 1, bytes_in: 1, bytes_out: 1, meters: { prompt_tokens: 7, completion_tokens: 11 } },
        },
    };

    it('has its figures', () => {
        expect(answerOf(done)).toMatchObject({
            content: 'hi', promptTokens: 7, tokens: 11, finish: 'length', stopped: false, timing: { first: 10, tokensPerSecond: 100 },
        });
    });

    it('is there when it was stopped or broke off, but not when nothing came', () => {
        expect(answerOf({ ...done, phase: 'stopped' })).toMatchObject({ content: 'hi', stopped: true });
        expect(answerOf({ ...idle, phase: 'failed' })).toBeUndefined();
        expect(answerOf({ ...idle, phase: 'done' })).toMatchObject({ content: '' });
    });

    it('may be calls of functions', () => {
        const calls = [{ id: 'c' }];
        expect(answerOf({ ...done, phase: 'failed', output: { tool_calls: calls } })).toMatchObject({ content: '', calls });
    });
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

import { expect, it } from 'vitest';
import { entriesOf, emptyDrafts } from './form-model';
import { openaiJs, openaiPython, type ModelCall } from './openai-calls';

const entries = entriesOf({
    parameters: {
        messages: { kind: 'json', required: true }, temperature: { kind: 'float', default: 0.7 },
        logprobs: { kind: 'boolean' }, repeat_penalty: { kind: 'float' }, extra: { kind: 'json' },
    },
});
const call: ModelCall = {
    model: 'Qwen/Qwen2.5', entries, clientUrl: 'http://127.0.0.1:8600',
    drafts: {
        ...emptyDrafts(entries), messages: '[{"role":"user","content":"it\'s \\"so\\""}]', logprobs: 'true',
        repeat_penalty: '1.1', extra: '{"top-n":3}',
    },
};

it('Python: what create knows by name, and the rest beside it', () => {
    const text = openaiPython(call);
    expect(text).toContain('OpenAI(base_url="http://127.0.0.1:8600/v1", api_key=os.environ["HEADRACE_KEY"])');
    expect(text).toContain('    model="Qwen/Qwen2.5",\n    messages=[{"role": "user", "content": "it\'s \\"so\\""}],\n');
    expect(text).toContain('    temperature=0.7,\n    logprobs=True,\n');
    expect(text).toContain('extra_body={"repetition_penalty": 1.1, "top-n": 3}');
});

it('JavaScript: one object that another engine reads as it was meant', () => {
    const text = openaiJs(call);
    const body = /create\((\{[\s\S]*?\n\})\);/.exec(text)?.[1] ?? '';
    const read = new Function(`return ${body}`) as () => unknown;
    expect(read()).toEqual({
        'model': 'Qwen/Qwen2.5', 'messages': [{ role: 'user', content: 'it\'s "so"' }], 'temperature': 0.7,
        'logprobs': true, 'stream': true, 'stream_options': { include_usage: true }, 'repetition_penalty': 1.1, 'top-n': 3,
    });
});

import type { Json } from '../../api/types';
import { inputOf, type Drafts, type Entry } from './form-model';
import { pythonOf } from './python-text';

/** A conversation as the OpenAI SDKs send it to /v1. */
export interface ModelCall {
    model: string;
    entries: Entry[];
    drafts: Drafts;
    clientUrl: string;
}

/** What `create` takes by name there; anything else goes beside it, and is passed on by the server. */
const named = new Set([
    'messages', 'temperature', 'top_p', 'max_tokens', 'n', 'seed', 'stop', 'logprobs', 'top_logprobs', 'logit_bias',
    'presence_penalty', 'frequency_penalty', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format',
]);
/** Where the dialects call one thing by two names. */
const renamed: Record<string, string> = { repeat_penalty: 'repetition_penalty' };

interface Request {
    known: [string, Json][];
    extra: Record<string, Json>;
}

function requestOf({ entries, drafts }: ModelCall): Request {
    const request: Request = { known: [], extra: {} };
    for (const [name, value] of Object.entries(inputOf(entries, drafts, () => null))) {
        if (named.has(name)) request.known.push([name, value]);
        else if (name === 'extra' && value !== null && typeof value === 'object' && !Array.isArray(value)) Object.assign(request.extra, value);
        else request.extra[renamed[name] ?? name] = value;
    }
    // The conversation first, as everybody writes it.
    request.known.sort(([a], [b]) => Number(b === 'messages') - Number(a === 'messages'));
    return request;
}

export function openaiPython(call: ModelCall): string {
    const { known, extra } = requestOf(call);
    const words = [`model=${JSON.stringify(call.model)}`, ...known.map(([name, value]) => `${name}=${pythonOf(value, 1)}`)];
    words.push('stream=True', 'stream_options={"include_usage": True}');
    if (Object.keys(extra).length > 0) words.push(`extra_body=${pythonOf(extra, 1)}`);
    return [
        'import os', '', 'from openai import OpenAI', '',
        `client = OpenAI(base_url=${JSON.stringify(`${call.clientUrl}/v1`)}, api_key=os.environ["HEADRACE_KEY"])`,
        'stream = client.chat.completions.create(', ...words.map((word) => `    ${word},`), ')',
        'for chunk in stream:', '    if chunk.choices:',
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
    ].join('\n');
}

const jsOf = (value: Json, pad: string) => JSON.stringify(value, null, 2).replaceAll('\n', `\n${pad}`);

export function openaiJs(call: ModelCall): string {
    const { known, extra } = requestOf(call);
    const members: [string, Json][] = [
        ['model', call.model], ...known, ['stream', true], ['stream_options', { include_usage: true }],
        ...Object.entries(extra),
    ];
    return [
        'import OpenAI from \'openai\';', '',
        `const client = new OpenAI({ baseURL: ${JSON.stringify(`${call.clientUrl}/v1`)}, apiKey: process.env.HEADRACE_KEY });`,
        'const stream = await client.chat.completions.create({',
        ...members.map(([name, value]) => `  ${/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)}: ${jsOf(value, '  ')},`),
        '});', 'for await (const chunk of stream) {',
        '  process.stdout.write(chunk.choices[0]?.delta?.content ?? \'\');', '}',
    ].join('\n');
}

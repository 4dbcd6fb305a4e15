import type { Json } from '../../api/types';
import { inputOf, isMedia, mediaIn, type Drafts, type Entry } from './form-model';
import { openaiJs, openaiPython } from './openai-calls';
import { pythonOf } from './python-text';

export type Program = 'curl' | 'python' | 'cli' | 'openai-python' | 'openai-js';

export interface Call {
    capability: string;
    stream: boolean;
    /** Mode `stream`: frames in, frames out over a WebSocket, which curl does not speak. */
    session?: boolean;
    /** The id that /v1 knows it by, for what the OpenAI SDKs can call. */
    model?: string | undefined;
    entries: Entry[];
    drafts: Drafts;
    clientUrl: string;
}

const shellWord = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\'', '\'\\\'\'')}'`);

/** Shell variables stand for files that are uploaded first. */
function curl({ capability, stream, entries, drafts, clientUrl }: Call): string {
    const lines = [`export HEADRACE_URL=${clientUrl}`];
    const uploads: string[] = [];
    const input = inputOf(entries, drafts, (item) => {
        const name = `FILE${uploads.length + 1}`;
        uploads.push(
            `${name}=$(curl -s "$HEADRACE_URL/api/v1/files" \\\n  -H "Authorization: Bearer $HEADRACE_KEY" \\\n`
            + `  -H 'Content-Type: ${item.content.type || 'application/octet-stream'}' \\\n  --data-binary ${shellWord(`@${item.name}`)} | jq -r .id)`,
        );
        return { file_id: `$${name}` };
    });
    lines.push(...uploads);
    const body = JSON.stringify({ capability, input });
    // A file's id must be put in by the shell, so the quotes open around the variable.
    const quoted = shellWord(body).replace(/\$(FILE\d+)/g, '\'"$$$1"\'');
    lines.push(
        [
            `curl ${stream ? '-N' : '-s'} "$HEADRACE_URL/api/v1/jobs"`,
            '  -H "Authorization: Bearer $HEADRACE_KEY"', '  -H \'Content-Type: application/json\'',
            `  -H '${stream ? 'Accept: text/event-stream' : 'Prefer: wait=60'}'`, `  -d ${quoted}`,
        ].join(' \\\n'),
    );
    return lines.join('\n');
}

function python({ capability, stream, entries, drafts, clientUrl }: Call): string {
    const files = new Map<string, string>();
    const input = inputOf(entries, drafts, (item) => {
        const mark = `\u0000${files.size}`;
        files.set(JSON.stringify(mark), `Path(${JSON.stringify(item.name)})`);
        return mark;
    });
    const word = (value: Json) => {
        let text = pythonOf(value, 2);
        for (const [mark, path] of files) text = text.replaceAll(mark, path);
        return text;
    };
    // Names that are no Python words travel in a dict, which comes before the words.
    const plain = Object.entries(input).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
    const odd = Object.entries(input).filter(([name]) => !/^[A-Za-z_]\w*$/.test(name));
    const words = [
        JSON.stringify(capability), ...(odd.length > 0 ? [word(Object.fromEntries(odd))] : []),
        ...plain.map(([name, value]) => `${name}=${word(value)}`),
    ];
    const flat = words.join(', ');
    const call = flat.length < 80 ? flat : `\n        ${words.join(',\n        ')},\n    `;
    const head = [
        ...(files.size > 0 ? ['from pathlib import Path', ''] : []),
        `from headrace import Client${stream ? ', OutputEvent' : ''}`, '',
        `with Client(${JSON.stringify(clientUrl)}) as client:  # the key is HEADRACE_KEY`,
    ];
    if (!stream) return [...head, `    print(client.run(${call}))`].join('\n');
    return [
        ...head, `    for event in client.stream(${call}):`, '        if isinstance(event, OutputEvent):',
        '            print(event.output)',
    ].join('\n');
}

function pythonSession({ capability, entries, drafts, clientUrl }: Call): string {
    const media = entries.find((entry) => isMedia(entry.spec));
    const name = mediaIn(media && drafts[media.name])[0]?.name ?? 'sound.pcm';
    const of = (role: Entry['role']) => {
        const some = entries.filter((entry) => entry.role === role && !isMedia(entry.spec));
        return Object.entries(inputOf(some, drafts, () => null)).map(([key, value]) => `${key}=${pythonOf(value, 1)}`);
    };
    const opening = [JSON.stringify(capability), ...of('parameter')].join(', ');
    const frames = of('input').length > 0 ? [`        session.send(${of('input').join(', ')})`] : [];
    if (media) frames.push(`        session.send_media(Path(${JSON.stringify(name)}).read_bytes())  # raw samples`);
    return [
        ...(media ? ['from pathlib import Path', ''] : []), 'from headrace import Client', '',
        `with Client(${JSON.stringify(clientUrl)}) as client:  # the key is HEADRACE_KEY`,
        `    with client.session(${opening}) as session:`, ...frames, '        session.finish()',
        '        for step in session:', '            print(step.output)',
    ].join('\n');
}

function cli({ capability, entries, drafts, clientUrl }: Call): string {
    const flags: string[] = [];
    for (const entry of entries) {
        const flag = `--${entry.name.replaceAll('_', '-')}`;
        if (isMedia(entry.spec)) {
            for (const item of mediaIn(drafts[entry.name])) flags.push(`${flag} ${shellWord(item.name)}`);
            continue;
        }
        const value = inputOf([entry], drafts, () => null)[entry.name];
        for (const each of entry.most !== undefined && Array.isArray(value) ? value : [value]) {
            if (each === undefined) continue;
            if (typeof each === 'boolean') {
                flags.push(each ? flag : flag.replace('--', '--no-'));
                continue;
            }
            flags.push(`${flag} ${shellWord(typeof each === 'string' ? each : JSON.stringify(each))}`);
        }
    }
    return `headrace call ${[capability, ...flags].join(' ')} --server ${clientUrl}`;
}

const withModel = (write: typeof openaiJs) => (call: Call) => write({ ...call, model: call.model ?? call.capability });

const writers: Record<Program, (call: Call) => string> = {
    curl, python, cli, 'openai-python': withModel(openaiPython), 'openai-js': withModel(openaiJs),
};

export function programsFor(call: Call): Program[] {
    if (call.session) return ['python', 'cli'];
    return call.model === undefined ? ['curl', 'python', 'cli'] : ['curl', 'openai-python', 'openai-js', 'python', 'cli'];
}

export function copyAs(program: Program, call: Call): string {
    return call.session && program === 'python' ? pythonSession(call) : writers[program](call);
}

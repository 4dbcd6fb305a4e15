import { describe, expect, it } from 'vitest';
import { copyAs, programsFor, type Call } from './copy-as';
import { emptyDrafts, entriesOf } from './form-model';
import { pythonOf } from './python-text';

const entries = entriesOf({
    inputs: { image: { kind: 'image' }, text: { kind: 'text' } },
    parameters: { rate_hz: { kind: 'integer' }, loud: { kind: 'boolean' } },
});
const call: Call = {
    capability: 'ocr@1.0.0', stream: false, entries, clientUrl: 'http://127.0.0.1:8600',
    drafts: {
        ...emptyDrafts(entries), text: 'it\'s', rate_hz: '5', loud: 'true',
        image: [{ name: 'a b.png', content: new Blob(['x'], { type: 'image/png' }) }],
    },
};

describe('copyAs', () => {
    it('curl uploads files first and lets the shell put their ids in', () => {
        const text = copyAs('curl', call);
        expect(text).toContain('--data-binary \'@a b.png\' | jq -r .id)');
        expect(text).toContain('{"file_id":"\'"$FILE1"\'"}');
        expect(text).toContain('it\'\\\'\'s');
        expect(text).toContain('Prefer: wait=60');
        expect(copyAs('curl', { ...call, stream: true })).toContain('Accept: text/event-stream');
    });

    it('python writes the SDK\'s call', () => {
        const text = copyAs('python', call);
        expect(text).toContain('client.run(');
        expect(text).toContain('image=Path("a b.png")');
        expect(text).toContain('loud=True');
        expect(text).toContain('text="it\'s"');
    });

    it('the command line gets flags', () => {
        expect(copyAs('cli', call)).toBe(
            'headrace call ocr@1.0.0 --image \'a b.png\' --text \'it\'\\\'\'s\' --rate-hz 5 --loud --server http://127.0.0.1:8600',
        );
    });
});

it('a session is written for programs that can hold one', () => {
    const session: Call = { ...call, capability: 'vad@1.0.0', session: true };
    expect(programsFor(session)).toEqual(['python', 'cli']);
    const text = copyAs('python', session);
    expect(text).toContain('client.session("vad@1.0.0", rate_hz=5, loud=True)');
    expect(text).toContain('session.send(text="it\'s")');
    expect(text).toContain('session.send_media(Path("a b.png")');
});

it('JSON as Python', () => {
    expect(pythonOf({ a: [true, null, 1.5, 'x'] })).toBe('{"a": [True, None, 1.5, "x"]}');
    expect(pythonOf([{ a: 'x'.repeat(50) }, { b: 'y'.repeat(50) }])).toMatch(/^\[\n {4}\{"a": "x+"\},\n {4}\{"b": "y+"\},\n\]$/);
});

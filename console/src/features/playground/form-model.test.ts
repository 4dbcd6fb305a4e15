import { describe, expect, it } from 'vitest';
import type { FieldSpec, Interface } from '../../api/types';
import { byField, check, checkAll, matchesType } from './form-check';
import { emptyDrafts, entriesOf, inputOf, valueOf } from './form-model';

const face: Interface = {
    inputs: { image: { kind: 'image', content_types: ['image/*'], max_bytes: 4 }, note: { kind: 'text', count: '0..1' } },
    parameters: {
        rate: { kind: 'integer', min: 80, max: 450, default: 175 },
        tags: { kind: 'string', list: true, min_items: 1, required: true },
        lang: { kind: 'enum', values: ['en', 'de'], required: true },
        loud: { kind: 'boolean' },
    },
};
const entries = entriesOf(face);
const named = (name: string) => {
    const entry = entries.find((candidate) => candidate.name === name);
    if (!entry) throw new Error(name);
    return entry;
};

describe('entries', () => {
    it('come in the order in which one fills them', () => {
        expect(entries.map((entry) => entry.name)).toEqual(['image', 'tags', 'lang', 'note', 'rate', 'loud']);
        expect(entries.filter((entry) => entry.required).map((entry) => entry.name)).toEqual(['image', 'tags', 'lang']);
    });

    it('start with their defaults', () => {
        expect(emptyDrafts(entries)).toMatchObject({ rate: '175', tags: [''], image: [], lang: '' });
    });
});

describe('input', () => {
    it('holds typed values and leaves out what was not given', () => {
        const item = { name: 'a.png', content: new Blob(['x'], { type: 'image/png' }) };
        const drafts = { ...emptyDrafts(entries), image: [item], tags: ['a', 'b'], lang: 'de', rate: '90' };
        expect(inputOf(entries, drafts, () => ({ file_id: 'f' }))).toEqual({
            image: { file_id: 'f' }, tags: ['a', 'b'], lang: 'de', rate: 90,
        });
    });

    it('finds the shape of a tensor', () => {
        const spec: FieldSpec = { kind: 'tensor', dtype: 'fp32', shape: [-1, -1] };
        expect(valueOf(spec, '[[1,2,3],[4,5,6]]')).toEqual({ shape: [2, 3], dtype: 'fp32', data: [[1, 2, 3], [4, 5, 6]] });
    });

    it('keeps an empty text only where the interface allows one', () => {
        expect(valueOf({ kind: 'text' }, '')).toBeUndefined();
        expect(valueOf({ kind: 'text', min_length: 0 }, '')).toBe('');
        expect(valueOf({ kind: 'boolean' }, 'false')).toBe(false);
    });
});

describe('check', () => {
    it('names the rule and its bound', () => {
        expect(check(named('rate'), '79')).toEqual({ rule: 'min', limit: 80 });
        expect(check(named('rate'), '451')).toEqual({ rule: 'max', limit: 450 });
        expect(check(named('rate'), '90.5')).toEqual({ rule: 'type', limit: 'integer' });
        expect(check(named('rate'), '')).toBeUndefined();
        expect(check(named('image'), [])).toEqual({ rule: 'required' });
        const long = { name: 'a', content: new Blob(['12345'], { type: 'image/png' }) };
        expect(check(named('image'), [long])).toEqual({ rule: 'max_bytes', limit: 4 });
        const text = { name: 'a', content: new Blob(['1'], { type: 'text/plain' }) };
        expect(check(named('image'), [text])).toEqual({ rule: 'content_type', limit: 'image/*' });
        expect(Object.keys(checkAll(entries, emptyDrafts(entries)))).toEqual(['image', 'tags', 'lang']);
    });

    it('matches types as the server does', () => {
        expect(matchesType('image/png; a=b', ['image/png'])).toBe(true);
        expect(matchesType('imagex/png', ['image/*'])).toBe(false);
    });
});

it('brings the server\'s faults to their fields', () => {
    const { fields, others } = byField([
        { path: 'input.rate', rule: 'min', limit: '80' }, { path: 'input.tags[1]', rule: 'max_length', limit: 3 },
        { path: 'priority', rule: 'max', limit: 9 },
    ]);
    expect(fields).toEqual({ rate: { rule: 'min', limit: '80' }, tags: { rule: 'max_length', limit: 3 } });
    expect(others).toHaveLength(1);
});

import { expect, it } from 'vitest';
import { pastRun, remember, wordsOf } from './history';

const run = { capability: 'echo@1.0.0', phase: 'done' as const, ms: 12 };
const media = { name: 'a.png', content: new Blob(['x']) };

it('keeps texts, leaves media, and is bounded', () => {
    for (let n = 0; n < 40; n += 1) remember(run, { text: String(n) });
    const kept = JSON.parse(localStorage.getItem('headrace.runs') ?? '[]') as { id: string; words: string }[];
    expect(kept).toHaveLength(30);
    expect(kept[0]?.words).toBe('39');
    remember(run, { image: [media], text: 'x' });
    const newest = JSON.parse(localStorage.getItem('headrace.runs') ?? '[]') as { id: string }[];
    expect(pastRun(newest[0]?.id ?? '')).toMatchObject({ texts: { text: 'x' }, hadMedia: true, words: 'a.png' });
});

it('keeps a line of what is too long to keep', () => {
    remember(run, { text: 'y'.repeat(20_000) });
    const kept = JSON.parse(localStorage.getItem('headrace.runs') ?? '[]') as { words: string; texts: object }[];
    expect(kept[0]).toMatchObject({ texts: {} });
    expect(kept[0]?.words).toHaveLength(80);
});

it('begins anew where the store holds something else', () => {
    localStorage.setItem('headrace.runs', '{');
    expect(pastRun('x')).toBeUndefined();
    expect(wordsOf({ a: '', b: ['', 'z'] })).toBe('z');
});

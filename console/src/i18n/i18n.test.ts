import { expect, it } from 'vitest';
import { en, type Key } from './en';
import { translate } from './index';
import { zh } from './zh';

const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

it('both languages fill the same holes, and no sentence is empty', () => {
    for (const key of Object.keys(en) as Key[]) {
        expect(zh[key], key).not.toBe('');
        expect(holes(zh[key]), key).toEqual(holes(en[key]));
    }
});

it('no key stands in two areas', () => {
    for (const areas of [{ ...import.meta.glob('./en/*.ts', { eager: true }) }, { ...import.meta.glob('./zh/*.ts', { eager: true }) }]) {
        const files = Object.entries(areas).filter(([file]) => !file.endsWith('/index.ts'));
        const keys = files.flatMap(([, module]) => Object.values(module as Record<string, object>).flatMap((words) => Object.keys(words)));
        expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
        expect(new Set(keys)).toEqual(new Set(Object.keys(en)));
    }
});

it('knows one from many', () => {
    expect(translate('en', 'health.workers', { n: 1 })).toBe('1 worker ready');
    expect(translate('en', 'health.workers', { n: 0 })).toBe('0 workers ready');
    expect(translate('zh', 'health.workers', { n: 1 })).toBe('1 个工作进程就绪');
});

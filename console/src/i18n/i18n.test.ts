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

it('knows one from many', () => {
    expect(translate('en', 'health.workers', { n: 1 })).toBe('1 worker ready');
    expect(translate('en', 'health.workers', { n: 0 })).toBe('0 workers ready');
    expect(translate('zh', 'health.workers', { n: 1 })).toBe('1 个工作进程就绪');
});

import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { ValueView } from './value-view';

const href = (url: string) => url.replace('http://a', '');
const show = (value: unknown) => render(<ValueView value={value} href={href} label="out" />).container;

it('shows each value by what it is', () => {
    expect(show('plain').querySelector('pre')?.textContent).toBe('plain');
    expect(show({ url: 'http://a/1', content_type: 'image/png' }).querySelector('img')?.getAttribute('src')).toBe('/1');
    expect(show({ url: 'http://a/2', content_type: 'audio/wav' }).querySelector('audio')?.getAttribute('src')).toBe('/2');
    expect(show({ url: '/3', content_type: 'application/zip', size: 2048 }).textContent).toBe('application/zip, 2.0 KiB');
    expect(show([{ url: '/4', content_type: 'image/png' }, { url: '/5', content_type: 'image/png' }]).querySelectorAll('img')).toHaveLength(2);
});

it('shows the rest as a tree that opens and stays bounded', () => {
    show({ score: 0.5, box: [1, 2, 3, 4], deep: { far: { off: true } } });
    expect(screen.getByText('0.5')).toBeTruthy();
    expect(screen.getByText('[1,2,3,4]')).toBeTruthy();
    const long = show(Array.from({ length: 1000 }, (_, at) => ({ at })));
    expect(long.textContent).toContain('… +800');
});

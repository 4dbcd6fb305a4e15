import { fireEvent, render, screen } from '@testing-library/react';
import { MemoryRouter, useLocation } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';
import { useShortcuts } from './shortcuts';

function Shown() {
    useShortcuts(() => undefined);
    return <p>at {useLocation().pathname}</p>;
}

let now = 0;

/** Pressed at one time, heard of at another. */
function press(key: string, pressed_ms: number, heard_ms: number): void {
    now = heard_ms;
    const event = new KeyboardEvent('keydown', { key, bubbles: true });
    Object.defineProperty(event, 'timeStamp', { value: pressed_ms });
    fireEvent(document.body, event);
}

beforeEach(() => {
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    render(<MemoryRouter initialEntries={['/usage']}><Shown /></MemoryRouter>);
});

it('takes two keys for a pair by when they were pressed, however late a busy page hears of them', () => {
    press('g', 5_000, 5_001);
    press('j', 5_900, 9_000);
    expect(screen.getByRole('paragraph').textContent).toBe('at /jobs');
});

it('takes two keys that were pressed far apart for no pair, though it hears of them at once', () => {
    press('g', 5_000, 9_000);
    press('j', 6_000, 9_001);
    expect(screen.getByRole('paragraph').textContent).toBe('at /usage');
});

it('needs the first key on a page that has only just begun, too', () => {
    press('j', 300, 300);
    expect(screen.getByRole('paragraph').textContent).toBe('at /usage');
});

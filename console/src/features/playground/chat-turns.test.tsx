import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { ChatTurn } from './chat-turns';

it('gives the focus back to the button at once when an edit is left', () => {
    render(<ul><ChatTurn turn={{ role: 'user', content: 'hello' }} still /></ul>);
    const opener = () => screen.getByRole('button', { name: 'Edit this message' });
    for (const leave of [
        (field: HTMLElement) => { fireEvent.keyDown(field, { key: 'Escape' }); },
        () => { fireEvent.click(screen.getByRole('button', { name: 'Cancel' })); },
    ]) {
        fireEvent.click(opener());
        const field = screen.getByRole('textbox');
        expect(document.activeElement).toBe(field);
        leave(field);
        expect(document.activeElement).toBe(opener());
    }
});

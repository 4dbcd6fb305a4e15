import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter } from 'react-router';
import { expect, it } from 'vitest';
import { QueuesTable, sorted } from './queues-table';
import { queueWith } from './status-fixture';

const queues = [
    queueWith({ capability: 'ocr', queued: 2, p99_ms: null }),
    queueWith({ capability: 'chat', queued: 0, p99_ms: 900 }),
    queueWith({ capability: 'speak', queued: 7, p99_ms: 30 }),
];

it('sorts by a column, falling first, and back', async () => {
    render(<MemoryRouter><QueuesTable queues={queues} /></MemoryRouter>);
    const names = () => screen.getAllByRole('link').map((link) => link.textContent);
    expect(names()).toEqual(['chat', 'ocr', 'speak']);
    await userEvent.click(screen.getByRole('button', { name: 'Waiting' }));
    expect(names()).toEqual(['speak', 'ocr', 'chat']);
    expect(screen.getByRole('columnheader', { name: 'Waiting' }).getAttribute('aria-sort')).toBe('descending');
    await userEvent.click(screen.getByRole('button', { name: 'Waiting' }));
    expect(names()).toEqual(['chat', 'ocr', 'speak']);
});

it('puts what has no figure last when figures fall', () => {
    expect(sorted(queues, 'p99_ms', true).map((queue) => queue.capability)).toEqual(['chat', 'speak', 'ocr']);
});

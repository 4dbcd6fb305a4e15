import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { expect, it } from 'vitest';
import type { Status } from '../../api/status-types';
import { Headline } from './headline';
import { queueWith, statusWith } from './status-fixture';

function show(status: Status): void {
    render(<MemoryRouter><Headline status={status} /></MemoryRouter>);
}

it('says in words how it is', () => {
    show(statusWith());
    expect(screen.getByRole('heading').textContent).toBe('Healthy');
    expect(screen.getByText(/1 worker ready · 1 job running · nothing waits/)).toBeTruthy();
    expect(screen.getByText('64.0 MiB')).toBeTruthy();
});

it('gives the reason, with a way to the jobs that wait', () => {
    show(statusWith({ queues: [queueWith({ queued: 1, slots: 0 })] }));
    expect(screen.getByRole('heading').textContent).toBe('Not healthy');
    expect(screen.getByText(/1 job of ocr@1.0.0 waits and no worker serves it/)).toBeTruthy();
    expect(screen.getByRole('link').getAttribute('href')).toBe('/jobs?state=queued&capability=ocr%401.0.0');
});

it('leaves out what only the system\'s admin is told', () => {
    const status = statusWith();
    Object.assign(status.server, { memory_bytes: null, cpu_percent: null, loops: null, connections: null });
    show(status);
    expect(screen.queryByText('Memory')).toBeNull();
    expect(screen.getByText('Version')).toBeTruthy();
});

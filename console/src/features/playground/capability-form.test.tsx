import { fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, it, vi } from 'vitest';
import type { Interface } from '../../api/types';
import { CapabilityForm } from './capability-form';
import { checkAll, type Fault } from './form-check';
import { emptyDrafts, entriesOf, inputOf, type Drafts } from './form-model';

const face: Interface = {
    inputs: { text: { kind: 'text', description: 'what to say' } },
    parameters: {
        rate: { kind: 'integer', min: 80, max: 450, default: 175 },
        mode: { kind: 'enum', values: ['fast', 'good'] },
        loud: { kind: 'boolean' },
        tags: { kind: 'string', list: true, max_items: 2 },
        extra: { kind: 'json' },
    },
};
const entries = entriesOf(face);

function Form({ onRun, busy = false }: { onRun: (drafts: Drafts) => void; busy?: boolean }) {
    const [drafts, setDrafts] = useState(emptyDrafts(entries));
    const [faults, setFaults] = useState<Record<string, Fault>>({});
    return (
        <CapabilityForm
            entries={entries} drafts={drafts} faults={faults} busy={busy} onStop={() => { onRun({}); }}
            onReset={() => { setDrafts(emptyDrafts(entries)); }}
            onChange={(name, draft) => { setDrafts((before) => ({ ...before, [name]: draft })); }}
            onRun={() => {
                const found = checkAll(entries, drafts);
                setFaults(found);
                if (Object.keys(found).length === 0) onRun(drafts);
            }}
        />
    );
}

it('makes a control of every kind and hands over typed values', async () => {
    const user = userEvent.setup();
    const onRun = vi.fn<(drafts: Drafts) => void>();
    render(<Form onRun={onRun} />);
    await user.type(screen.getByLabelText(/^text/), 'hello');
    await user.clear(screen.getByRole('textbox', { name: 'rate' }));
    await user.type(screen.getByRole('textbox', { name: 'rate' }), '90');
    await user.click(screen.getByRole('button', { name: 'good' }));
    await user.click(screen.getByRole('button', { name: 'yes' }));
    await user.click(screen.getByRole('button', { name: 'Add' }));
    await user.type(screen.getByLabelText('tags 1'), 'a');
    fireEvent.change(screen.getByLabelText('extra'), { target: { value: '{"a":[1]}' } });
    await user.click(screen.getByRole('button', { name: 'Tidy' }));
    await user.keyboard('{Control>}{Enter}{/Control}');
    expect(inputOf(entries, onRun.mock.calls[0]?.[0] ?? {}, () => null)).toEqual({
        text: 'hello', rate: 90, mode: 'good', loud: true, tags: ['a'], extra: { a: [1] },
    });
});

it('says what is wrong beside its field and goes there', async () => {
    const user = userEvent.setup();
    const onRun = vi.fn();
    render(<Form onRun={onRun} />);
    await user.click(screen.getByRole('button', { name: 'Run' }));
    expect(screen.getByRole('alert').textContent).toBe('This is required.');
    const field = screen.getByLabelText(/^text/);
    expect(document.activeElement).toBe(field);
    expect(field.getAttribute('aria-invalid')).toBe('true');
    expect(onRun).not.toHaveBeenCalled();
});

it('stops with Escape while it runs', async () => {
    const onStop = vi.fn();
    render(<Form busy onRun={onStop} />);
    await userEvent.keyboard('{Escape}');
    expect(onStop).toHaveBeenCalledOnce();
});

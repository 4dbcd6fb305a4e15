import { useEffect, useRef, type FormEvent, type ReactNode } from 'react';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { Field } from './field';
import type { Fault } from './form-check';
import type { Drafts, Entry } from './form-model';

interface FormProps {
    entries: Entry[];
    drafts: Drafts;
    faults: Record<string, Fault>;
    busy: boolean;
    onChange: (name: string, draft: Drafts[string]) => void;
    onRun: () => void;
    onStop: () => void;
    onReset: () => void;
    /** Runs with the microphone as its sound; undefined where the interface takes none. */
    onLive?: (() => void) | undefined;
    children?: ReactNode;
}

export function CapabilityForm(props: FormProps) {
    const { entries, drafts, faults, busy, onChange, onRun, onStop, onReset, onLive } = props;
    const t = useT();
    const form = useRef<HTMLFormElement>(null);
    const firstFault = entries.find((entry) => faults[entry.name])?.name;
    useEffect(() => {
        if (firstFault) form.current?.querySelector<HTMLElement>('[aria-invalid="true"], .is-invalid input')?.focus();
    }, [firstFault, faults]);
    useEffect(() => {
        const pressed = (event: KeyboardEvent) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
            else if (event.key === 'Escape' && busy) onStop();
        };
        document.addEventListener('keydown', pressed);
        return () => { document.removeEventListener('keydown', pressed); };
    }, [busy, onStop]);
    const submit = (event: FormEvent) => {
        event.preventDefault();
        if (!busy) onRun();
    };
    const needed = entries.filter((entry) => entry.required || entry.role === 'input');
    const more = entries.filter((entry) => !needed.includes(entry));
    const field = (entry: Entry) => (
        <Field
            key={entry.name} entry={entry} draft={drafts[entry.name] ?? ''} fault={faults[entry.name]}
            onChange={(draft) => { onChange(entry.name, draft); }}
        />
    );
    return (
        <form ref={form} className="form" noValidate onSubmit={submit}>
            {needed.map(field)}
            {more.length > 0 && needed.length > 0 && <h2 className="form-more">{t('form.parameters')}</h2>}
            {more.map(field)}
            {props.children}
            <div className="form-actions">
                {busy
                    ? <Button icon="stop" onClick={onStop}>{t('form.stop')}</Button>
                    : <Button look="primary" icon="play" type="submit">{t('form.run')}</Button>}
                {onLive && !busy && <Button icon="mic" onClick={onLive}>{t('live.start')}</Button>}
                <Button look="plain" onClick={onReset}>{t('form.reset')}</Button>
                <span className="grow" />
                <span className="form-keys" aria-hidden="true"><kbd className="kbd">Ctrl</kbd><kbd className="kbd">↵</kbd></span>
            </div>
        </form>
    );
}

import './forms.css';
import { createContext, useContext, useState, type FormEvent, type ReactNode } from 'react';
import { ApiError, type FieldFault } from '../api/client';
import { useT } from '../i18n';
import { Button, Notice } from '../ui/controls';
import { faulty, unplaced } from './faults';

/** The faults of what was sent, for the fields of the form to show beside themselves. */
export const Faults = createContext<FieldFault[]>([]);
export const useFaults = () => useContext(Faults);

interface FormProps {
    /** What its fields send: faults of other paths stand above the buttons, by name. */
    paths: string[];
    action: string;
    /** What can be seen without asking the server. */
    check?: () => FieldFault[];
    send: () => Promise<unknown>;
    onCancel: () => void;
    danger?: boolean;
    children: ReactNode;
}

/** Sends once at a time; what is refused stays to be mended, told at its field. */
export function Form({ paths, action, check, send, onCancel, danger, children }: FormProps) {
    const t = useT();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<Error>();
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        const found = check?.() ?? [];
        setError(found.length > 0 ? faulty(found) : undefined);
        if (found.length > 0) return;
        setBusy(true);
        try {
            await send();
        } catch (caught) {
            setError(caught instanceof Error ? caught : new Error(String(caught)));
        }
        setBusy(false);
    };
    const others = unplaced(error, paths);
    return (
        <Faults.Provider value={error instanceof ApiError ? error.faults : []}>
            <form className="form" noValidate onSubmit={(event) => { void submit(event); }}>
                {children}
                {others.length > 0 && (
                    <Notice tone="bad" icon="cross">{others.map((text) => <p key={text}>{text}</p>)}</Notice>
                )}
                <div className="dialog-actions">
                    <Button onClick={onCancel}>{t('cancel')}</Button>
                    <Button look={danger ? 'danger' : 'primary'} type="submit" disabled={busy}>{action}</Button>
                </div>
            </form>
        </Faults.Provider>
    );
}

import './forms.css';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useT } from '../i18n';
import { Button, Dialog, Notice } from '../ui/controls';

/** Asks before what cannot be taken back; the focus is on leaving. */
export function Confirm({ title, action, act, onClose, children }: {
    title: string; action: string; act: () => Promise<unknown>; onClose: () => void; children: ReactNode;
}) {
    const t = useT();
    const leave = useRef<HTMLButtonElement>(null);
    useEffect(() => { leave.current?.focus(); }, []);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState('');
    const go = async () => {
        setBusy(true);
        try {
            await act();
            onClose();
        } catch (caught) {
            setError(caught instanceof Error ? caught.message : String(caught));
            setBusy(false);
        }
    };
    return (
        <Dialog title={title} open onClose={onClose} close={t('close')}>
            <div className="form">
                <p>{children}</p>
                {error && <Notice tone="bad" icon="cross">{error}</Notice>}
                <div className="dialog-actions">
                    <Button ref={leave} onClick={onClose}>{t('cancel')}</Button>
                    <Button look="danger" disabled={busy} onClick={() => { void go(); }}>{action}</Button>
                </div>
            </div>
        </Dialog>
    );
}

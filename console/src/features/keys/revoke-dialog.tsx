import { useEffect, useRef, useState } from 'react';
import type { ApiKey } from '../../api/admin-types';
import { keys } from '../../api/routes';
import { useT } from '../../i18n';
import { Button, Dialog, Notice } from '../../ui/controls';

export function RevokeDialog({ subject, onDone, onClose }: { subject: ApiKey; onDone: () => void; onClose: () => void }) {
    const t = useT();
    const leave = useRef<HTMLButtonElement>(null);
    useEffect(() => { leave.current?.focus(); }, []);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState('');
    const revoke = async () => {
        setBusy(true);
        try {
            await keys.revoke(subject.id);
            onDone();
            onClose();
        } catch (caught) {
            setError(caught instanceof Error ? caught.message : String(caught));
            setBusy(false);
        }
    };
    return (
        <Dialog title={t('key.revoke_one', { name: subject.name })} open onClose={onClose} close={t('close')}>
            <div className="key-form">
                <p>{t('key.revoke_text')}</p>
                {error && <Notice tone="bad" icon="cross">{error}</Notice>}
                <div className="dialog-actions">
                    <Button ref={leave} onClick={onClose}>{t('cancel')}</Button>
                    <Button look="danger" disabled={busy} onClick={() => { void revoke(); }}>{t('key.revoke')}</Button>
                </div>
            </div>
        </Dialog>
    );
}

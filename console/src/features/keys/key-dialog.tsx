import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { NewKey } from '../../api/admin-types';
import { capabilities, keys } from '../../api/routes';
import type { Session } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Command, Dialog, Notice } from '../../ui/controls';
import { KeyFields } from './key-fields';
import { emptyDraft, faultsOf, requestOf, type KeyDraft, type KeyFault } from './key-model';

/** The one time that the secret is seen: this must not go away by a stray click. */
function Secret({ made, onClose }: { made: NewKey; onClose: () => void }) {
    const t = useT();
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => { box.current?.focus(); }, []);
    const shared = { copy: t('copy'), copied: t('copied') };
    return (
        <div ref={box} className="key-form" tabIndex={-1}>
            <Notice tone="warn">{t('key.once')}</Notice>
            <Command text={made.key} {...shared} />
            <p className="quiet small">{t('key.use')}</p>
            <Command text={`export HEADRACE_KEY=${made.key}`} {...shared} />
            <div className="dialog-actions"><Button look="primary" onClick={onClose}>{t('key.kept')}</Button></div>
        </div>
    );
}

export function KeyDialog({ session, onMade, onClose }: { session: Session; onMade: () => void; onClose: () => void }) {
    const t = useT();
    const [draft, setDraft] = useState<KeyDraft>({ ...emptyDraft, tenant: session.tenant });
    const [faults, setFaults] = useState<KeyFault[]>([]);
    const [error, setError] = useState('');
    const [busy, setBusy] = useState(false);
    const [made, setMade] = useState<NewKey>();
    const { data } = useQuery({ queryKey: ['capabilities'], queryFn: ({ signal }) => capabilities.list(signal) });
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        const found = faultsOf(draft, Date.now());
        setFaults(found);
        setError('');
        if (found.length > 0) return;
        setBusy(true);
        try {
            setMade(await keys.create(requestOf(draft, session.tenant, Date.now())));
            onMade();
        } catch (caught) {
            setError(caught instanceof Error ? caught.message : String(caught));
        }
        setBusy(false);
    };
    return (
        <Dialog title={made ? t('key.made', { name: made.name }) : t('key.new')} open firm={made !== undefined} onClose={onClose} close={t('close')}>
            {made ? <Secret made={made} onClose={onClose} /> : (
                <form className="key-form" noValidate onSubmit={(event) => { void submit(event); }}>
                    <KeyFields
                        draft={draft} faults={faults} system={session.system}
                        names={data?.capabilities.map(({ name }) => name) ?? []}
                        onChange={(change) => {
                            setDraft((before) => ({ ...before, ...change }));
                            setFaults((before) => before.filter((fault) => !(fault in change)));
                        }}
                    />
                    {error && <Notice tone="bad" icon="cross">{error}</Notice>}
                    <div className="dialog-actions">
                        <Button onClick={onClose}>{t('cancel')}</Button>
                        <Button look="primary" type="submit" disabled={busy}>{t('key.create')}</Button>
                    </div>
                </form>
            )}
        </Dialog>
    );
}

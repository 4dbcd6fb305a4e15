import { useState } from 'react';
import type { ApiKey, NewKey } from '../../api/admin-types';
import { keys } from '../../api/routes';
import type { CapabilityEntry, Session } from '../../api/types';
import { Form } from '../../forms/form';
import { useT } from '../../i18n';
import { Dialog } from '../../ui/controls';
import { KeyFields, namesOf } from './key-fields';
import { changeOf, draftOf, emptyDraft, faultsOf, requestOf, type KeyDraft } from './key-model';
import { Secret } from './secret';

const paths = ['name', 'role', 'tenant', 'app', 'user', 'capabilities', 'addresses', 'limits', 'expires_at'];

/** Makes a key, or changes the one that is given. */
export function KeyDialog({ session, subject, served, onDone, onClose }: {
    session: Session; subject: ApiKey | undefined; served: CapabilityEntry[]; onDone: () => void; onClose: () => void;
}) {
    const t = useT();
    const [draft, setDraft] = useState<KeyDraft>(() => (
        subject ? draftOf(subject, namesOf(served)) : { ...emptyDraft, tenant: session.tenant }
    ));
    const [made, setMade] = useState<NewKey>();
    const send = async () => {
        if (subject) {
            await keys.change(subject.id, changeOf(draft, Date.now()));
            onDone();
            onClose();
        } else {
            setMade(await keys.create(requestOf(draft, session.tenant, Date.now())));
            onDone();
        }
    };
    const title = made ? t('key.made', { name: made.name }) : subject ? t('key.edit_one', { name: subject.name }) : t('key.new');
    return (
        <Dialog title={title} open firm={made !== undefined} onClose={onClose} close={t('close')}>
            {made ? <Secret made={made} onClose={onClose} /> : (
                <Form
                    paths={paths} action={subject ? t('form.save') : t('key.create')} check={() => faultsOf(draft, Date.now())}
                    send={send} onCancel={onClose}
                >
                    <KeyFields
                        draft={draft} changes={subject !== undefined} system={session.system} served={served}
                        onChange={(change) => { setDraft((before) => ({ ...before, ...change })); }}
                    />
                </Form>
            )}
        </Dialog>
    );
}

import { useState } from 'react';
import type { Account, AccountKind, Role } from '../../api/admin-types';
import { accounts } from '../../api/routes';
import type { Session } from '../../api/types';
import { CheckField, SelectField, TextField } from '../../forms/fields';
import { Form } from '../../forms/form';
import { LimitsFields } from '../../forms/limits';
import { useT } from '../../i18n';
import { Dialog } from '../../ui/controls';
import { changeOf, draftOf, faultsOf, requestOf, roles, type AccountDraft } from './account-model';
import { ModelLimits } from './model-limits';

const paths = ['name', 'tenant', 'title', 'email', 'role', 'enabled', 'limits', 'models'];

/** Makes a tenant, an app or a user, or changes the one that is given. */
export function AccountDialog({ kind, session, subject, onDone, onClose }: {
    kind: AccountKind; session: Session; subject: Account | undefined; onDone: () => void; onClose: () => void;
}) {
    const t = useT();
    const [draft, setDraft] = useState<AccountDraft>(() => draftOf(subject, session.tenant));
    const change = (part: Partial<AccountDraft>) => { setDraft((before) => ({ ...before, ...part })); };
    const send = async () => {
        if (subject) await accounts.change(kind, subject, changeOf(kind, draft));
        else await accounts.create(kind, requestOf(kind, draft, session.tenant));
        onDone();
        onClose();
    };
    return (
        <Dialog title={subject ? t('key.edit_one', { name: subject.name }) : t(`directory.new_${kind}`)} open onClose={onClose} close={t('close')}>
            <Form paths={paths} action={t(subject ? 'form.save' : 'key.create')} check={() => faultsOf(kind, draft)} send={send} onCancel={onClose}>
                {!subject && <TextField path="name" label={t('directory.name')} value={draft.name} maxLength={100} first onChange={(name) => { change({ name }); }} />}
                {!subject && kind !== 'tenants' && session.system && (
                    <TextField path="tenant" label={t('key.tenant')} value={draft.tenant} maxLength={63} onChange={(tenant) => { change({ tenant }); }} />
                )}
                <TextField
                    path="title" label={t('directory.title')} value={draft.title} maxLength={200} first={subject !== undefined}
                    onChange={(title) => { change({ title }); }}
                />
                {kind === 'users' && (
                    <>
                        <TextField path="email" label={t('directory.email')} type="email" value={draft.email} maxLength={200} onChange={(email) => { change({ email }); }} />
                        <SelectField
                            path="role" label={t('key.role')} value={draft.role} hint={t(`role.${draft.role}_may`)}
                            options={roles.map((role) => ({ value: role, text: t(`role.${role}`) }))} onChange={(role) => { change({ role: role as Role }); }}
                        />
                    </>
                )}
                {kind !== 'users' && <LimitsFields draft={draft.limits} onChange={(limits) => { change({ limits }); }} />}
                {kind === 'tenants' && <ModelLimits models={draft.models} onChange={(models) => { change({ models }); }} />}
                <CheckField path="enabled" label={t('directory.enabled')} value={draft.enabled} onChange={(enabled) => { change({ enabled }); }} />
            </Form>
        </Dialog>
    );
}

import { useState } from 'react';
import { upstreams } from '../../api/routes';
import type { Session } from '../../api/types';
import type { Upstream, UpstreamKind } from '../../api/upstream-types';
import { CheckField, SelectField, TextField } from '../../forms/fields';
import { Form } from '../../forms/form';
import { useT } from '../../i18n';
import { Dialog } from '../../ui/controls';
import { CallFields } from './call-fields';
import { ModelFields } from './model-fields';
import { changeOf, draftOf, faultsOf, requestOf, type UpstreamDraft } from './upstream-model';

const paths = [
    'name', 'tenant', 'kind', 'base_url', 'key', 'models', 'weight', 'priority', 'concurrency', 'enabled', 'timeouts', 'failures',
    'probe_every', 'ca', 'server_name', 'allow_private', 'headers', 'options',
];

/** Adds a server, or changes the one that is given. */
export function UpstreamDialog({ session, subject, onDone, onClose }: {
    session: Session; subject: Upstream | undefined; onDone: () => void; onClose: () => void;
}) {
    const t = useT();
    const [draft, setDraft] = useState<UpstreamDraft>(() => draftOf(subject, session.tenant));
    const change = (part: Partial<UpstreamDraft>) => { setDraft((before) => ({ ...before, ...part })); };
    const send = async () => {
        if (subject) await upstreams.change(subject, changeOf(draft, session.system));
        else await upstreams.add(requestOf(draft, session.tenant, session.system));
        onDone();
        onClose();
    };
    const number = (name: 'weight' | 'priority' | 'concurrency', hint?: string) => (
        <TextField
            path={name} label={t(`up.${name}`)} value={draft[name]} inputMode="decimal" maxLength={12} hint={hint}
            onChange={(text) => { change({ [name]: text }); }}
        />
    );
    return (
        <Dialog title={subject ? t('up.edit_one', { name: subject.name }) : t('up.add')} open onClose={onClose} close={t('close')}>
            <Form
                paths={paths} action={t(subject ? 'form.save' : 'form.add')} check={() => faultsOf(draft, subject === undefined)}
                send={send} onCancel={onClose}
            >
                {!subject && (
                    <>
                        <TextField path="name" label={t('up.name')} value={draft.name} maxLength={63} placeholder="vllm-1" first onChange={(name) => { change({ name }); }} />
                        {session.system && (
                            <TextField path="tenant" label={t('up.tenant')} value={draft.tenant} maxLength={63} hint={t('up.tenant_hint')} onChange={(tenant) => { change({ tenant }); }} />
                        )}
                        <SelectField
                            path="kind" label={t('up.kind')} value={draft.kind}
                            options={(['openai', 'fastchat'] as const).map((value) => ({ value, text: t(`up.kind_${value}`) }))}
                            onChange={(kind) => { change({ kind: kind as UpstreamKind }); }}
                        />
                    </>
                )}
                <TextField
                    path="base_url" label={t('up.base_url')} value={draft.base_url} placeholder="http://10.0.0.7:8000/v1" hint={t('up.base_url_hint')}
                    first={subject !== undefined} onChange={(base_url) => { change({ base_url }); }}
                />
                <TextField
                    path="key" label={t('up.key')} type="password" autoComplete="new-password" value={draft.key}
                    hint={t(subject?.has_key ? 'up.key_kept' : 'up.key_hint')} onChange={(key) => { change({ key }); }}
                />
                <ModelFields models={draft.models} onChange={(models) => { change({ models }); }} />
                <div className="form-grid">
                    {number('weight')}
                    {number('priority', t('up.priority_hint'))}
                    {number('concurrency', t('up.concurrency_hint'))}
                </div>
                <CallFields draft={draft.call} system={session.system} onChange={(call) => { change({ call }); }} />
                <CheckField path="enabled" label={t('up.enabled')} value={draft.enabled} onChange={(enabled) => { change({ enabled }); }} />
            </Form>
        </Dialog>
    );
}

import { useQuery } from '@tanstack/react-query';
import type { Role } from '../../api/admin-types';
import { accounts } from '../../api/routes';
import type { CapabilityEntry } from '../../api/types';
import { GroupField, LinesField, SelectField, TextField } from '../../forms/fields';
import { LimitsFields } from '../../forms/limits';
import { useT } from '../../i18n';
import { Segments } from '../../ui/controls';
import { roles, type Expiry, type KeyDraft } from './key-model';

interface FieldsProps {
    draft: KeyDraft;
    /** One that is there keeps its role and tenant. */
    changes: boolean;
    /** Who runs the server may make keys of other tenants. */
    system: boolean;
    served: CapabilityEntry[];
    onChange: (change: Partial<KeyDraft>) => void;
}

/** By which a capability may be named: its name, and the id of its model where that is another. */
export const namesOf = (served: CapabilityEntry[]) => (
    [...new Set(served.flatMap(({ name, model }) => (model && model !== name ? [name, model] : [name])))]
);

function Capabilities({ draft, served, onChange }: FieldsProps) {
    const t = useT();
    const names = namesOf(served);
    const chosen = new Set(draft.capabilities);
    return (
        <GroupField path="capabilities" label={t('key.capabilities')}>
            <Segments
                label={t('key.capabilities')} value={draft.limited ? 'some' : 'all'}
                options={[{ value: 'all', text: t('key.all') }, { value: 'some', text: t('key.some') }]}
                onChange={(which) => { onChange({ limited: which === 'some', capabilities: [], others: '' }); }}
            />
            {draft.limited && (
                <>
                    {names.length > 0 && (
                        <ul className="key-choices" tabIndex={0} aria-label={t('key.served')}>
                            {names.map((name) => (
                                <li key={name}>
                                    <label className="row">
                                        <input
                                            type="checkbox" checked={chosen.has(name)}
                                            onChange={({ target }) => {
                                                onChange({ capabilities: names.filter((each) => (each === name ? target.checked : chosen.has(each))) });
                                            }}
                                        />
                                        {name}
                                    </label>
                                </li>
                            ))}
                        </ul>
                    )}
                    <LinesField
                        path="capabilities#" label={t('key.others')} value={draft.others} rows={1} hint={t('key.others_hint')}
                        onChange={(others) => { onChange({ others }); }}
                    />
                </>
            )}
        </GroupField>
    );
}

/** Whose it is: apps and users of its tenant that have a record. */
function Owners({ draft, onChange }: FieldsProps) {
    const t = useT();
    const apps = useQuery({ queryKey: ['accounts', 'apps'], queryFn: ({ signal }) => accounts.list('apps', signal) });
    const users = useQuery({ queryKey: ['accounts', 'users'], queryFn: ({ signal }) => accounts.list('users', signal) });
    const options = (all: { name: string; tenant?: string }[] = [], now: string) => {
        const names = all.filter(({ tenant }) => tenant === draft.tenant.trim()).map(({ name }) => name);
        if (now && !names.includes(now)) names.push(now);
        return [{ value: '', text: t('key.nobody') }, ...names.map((name) => ({ value: name, text: name }))];
    };
    return (
        <div className="form-grid">
            <SelectField
                path="app" label={t('key.app')} value={draft.app} options={options(apps.data, draft.app)}
                onChange={(app) => { onChange({ app }); }}
            />
            <SelectField
                path="user" label={t('key.user')} value={draft.user} options={options(users.data, draft.user)}
                onChange={(user) => { onChange({ user }); }}
            />
        </div>
    );
}

function Ends({ draft, changes, onChange }: FieldsProps) {
    const t = useT();
    // An end cannot be taken away again, so a key that is there offers no "never".
    const choices: Expiry[] = [changes ? 'kept' : 'never', '30', '90', '365', 'date'];
    const text = (value: Expiry) => (
        value === 'never' || value === 'date' || value === 'kept' ? t(`key.${value}`) : t('key.days', { n: Number(value) })
    );
    return (
        <GroupField path="expires_at" label={t('key.ends')}>
            <Segments
                label={t('key.ends')} value={draft.expiry} onChange={(expiry) => { onChange({ expiry }); }}
                options={choices.map((value) => ({ value, text: text(value) }))}
            />
            {draft.expiry === 'date' && (
                <input
                    className="input key-date" type="date" value={draft.date} aria-label={t('key.date')}
                    onChange={(event) => { onChange({ date: event.target.value }); }}
                />
            )}
        </GroupField>
    );
}

export function KeyFields(props: FieldsProps) {
    const { draft, changes, system, onChange } = props;
    const t = useT();
    return (
        <>
            <TextField
                path="name" label={t('key.name')} value={draft.name} maxLength={200} placeholder={t('key.name_hint')} first
                onChange={(name) => { onChange({ name }); }}
            />
            {!changes && (
                <SelectField
                    path="role" label={t('key.role')} value={draft.role} hint={t(`role.${draft.role}_may`)}
                    options={roles.map((role) => ({ value: role, text: t(`role.${role}`) }))}
                    onChange={(role) => { onChange({ role: role as Role }); }}
                />
            )}
            {system && !changes && (
                <TextField
                    path="tenant" label={t('key.tenant')} value={draft.tenant} maxLength={63}
                    onChange={(tenant) => { onChange({ tenant, app: '', user: '' }); }}
                />
            )}
            <Owners {...props} />
            {draft.role !== 'worker' && <Capabilities {...props} />}
            <LinesField
                path="addresses" label={t('key.addresses')} value={draft.addresses} placeholder="10.0.0.0/8" hint={t('key.addresses_hint')}
                onChange={(addresses) => { onChange({ addresses }); }}
            />
            <LimitsFields draft={draft.limits} onChange={(limits) => { onChange({ limits }); }} />
            <Ends {...props} />
        </>
    );
}

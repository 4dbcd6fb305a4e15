import { useEffect, useId, useRef } from 'react';
import type { Role } from '../../api/admin-types';
import { useT } from '../../i18n';
import { Segments } from '../../ui/controls';
import { expiries, roles, type KeyDraft, type KeyFault } from './key-model';

interface FieldsProps {
    draft: KeyDraft;
    faults: KeyFault[];
    /** Who runs the server may make keys of other tenants. */
    system: boolean;
    names: string[];
    onChange: (change: Partial<KeyDraft>) => void;
}

function Fault({ id, text }: { id: string; text: string | false }) {
    return <p id={id} className="tone-bad small" role={text ? 'alert' : undefined}>{text}</p>;
}

function Capabilities({ draft, faults, names, onChange }: FieldsProps) {
    const t = useT();
    const id = useId();
    const chosen = new Set(draft.capabilities);
    return (
        <fieldset>
            <legend className="field-label">{t('key.capabilities')}</legend>
            <Segments
                label={t('key.capabilities')} value={draft.limited ? 'some' : 'all'}
                options={[{ value: 'all', text: t('key.all') }, { value: 'some', text: t('key.some') }]}
                onChange={(which) => { onChange({ limited: which === 'some', capabilities: [] }); }}
            />
            {draft.limited && (
                <ul className="key-choices" tabIndex={-1} aria-describedby={id}>
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
            <Fault id={id} text={faults.includes('capabilities') && t('key.fault_capabilities')} />
        </fieldset>
    );
}

export function KeyFields(props: FieldsProps) {
    const { draft, faults, system, onChange } = props;
    const t = useT();
    const id = useId();
    const name = useRef<HTMLInputElement>(null);
    useEffect(() => { name.current?.focus(); }, []);
    return (
        <>
            <div>
                <label className="field-label" htmlFor={`${id}-name`}>{t('key.name')}</label>
                <input
                    ref={name} id={`${id}-name`} className="input" value={draft.name} maxLength={200} autoComplete="off"
                    placeholder={t('key.name_hint')} aria-invalid={faults.includes('name')} aria-describedby={`${id}-fault`}
                    onChange={(event) => { onChange({ name: event.target.value }); }}
                />
                <Fault id={`${id}-fault`} text={faults.includes('name') && t('key.fault_name')} />
            </div>
            <div>
                <label className="field-label" htmlFor={`${id}-role`}>{t('key.role')}</label>
                <select
                    id={`${id}-role`} className="input" value={draft.role} aria-describedby={`${id}-may`}
                    onChange={(event) => { onChange({ role: event.target.value as Role }); }}
                >
                    {roles.map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}
                </select>
                <p id={`${id}-may`} className="quiet small">{t(`role.${draft.role}_may`)}</p>
            </div>
            {draft.role !== 'worker' && <Capabilities {...props} />}
            <fieldset>
                <legend className="field-label">{t('key.ends')}</legend>
                <Segments
                    label={t('key.ends')} value={draft.expiry} onChange={(expiry) => { onChange({ expiry }); }}
                    options={expiries.map((value) => ({
                        value, text: value === 'never' || value === 'date' ? t(`key.${value}`) : t('key.days', { n: Number(value) }),
                    }))}
                />
                {draft.expiry === 'date' && (
                    <input
                        className="input key-date" type="date" value={draft.date} aria-label={t('key.date')}
                        aria-invalid={faults.includes('date')} onChange={(event) => { onChange({ date: event.target.value }); }}
                    />
                )}
                <Fault id={`${id}-date`} text={faults.includes('date') && t('key.fault_date')} />
            </fieldset>
            {system && (
                <div>
                    <label className="field-label" htmlFor={`${id}-tenant`}>{t('key.tenant')}</label>
                    <input
                        id={`${id}-tenant`} className="input" value={draft.tenant} maxLength={63} autoComplete="off"
                        onChange={(event) => { onChange({ tenant: event.target.value }); }}
                    />
                </div>
            )}
        </>
    );
}

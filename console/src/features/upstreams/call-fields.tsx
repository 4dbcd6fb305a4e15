import { CheckField, GroupField, LinesField, TextField } from '../../forms/fields';
import { Section } from '../../forms/section';
import { useT } from '../../i18n';
import { phases } from '../../api/upstream-types';
import { Button } from '../../ui/controls';
import { newPair, usual, type CallDraft, type PairDraft } from './call-model';

/** Names with values. A value that is set and not told may be typed anew, and its name stays. */
function PairFields({ field, pairs, onChange }: {
    field: 'headers' | 'options'; pairs: PairDraft[]; onChange: (pairs: PairDraft[]) => void;
}) {
    const t = useT();
    const change = (at: number, part: Partial<PairDraft>) => {
        onChange(pairs.map((each, index) => (index === at ? { ...each, ...part } : each)));
    };
    return (
        <GroupField path={field} exact label={t(`up.${field}`)} hint={t(`up.${field}_hint`)}>
            {pairs.map(({ name, value, set }, at) => (
                <div key={at} className="form-row">
                    <div className="form-grid">
                        <TextField
                            path={`${field}[${at}].name`} label={t(`up.${field}_name`, { k: at + 1 })} value={name} readOnly={set} maxLength={64}
                            onChange={(text) => { change(at, { name: text }); }}
                        />
                        <Value field={field} at={at} pair={{ name, value, set }} onChange={(text) => { change(at, { value: text }); }} />
                    </div>
                    <Button
                        small look="plain" aria-label={t(`up.${field}_drop`, { k: at + 1 })}
                        onClick={() => { onChange(pairs.filter((_, index) => index !== at)); }}
                    >
                        {t('form.delete')}
                    </Button>
                </div>
            ))}
            <Button small icon="plus" onClick={() => { onChange([...pairs, newPair()]); }}>{t(`up.${field}_add`)}</Button>
        </GroupField>
    );
}

/** The server names its faults by the name, the page's own go by the row. */
function Value({ field, at, pair, onChange }: {
    field: 'headers' | 'options'; at: number; pair: PairDraft; onChange: (value: string) => void;
}) {
    const t = useT();
    const shared = {
        path: `${field}[${at}].value`, also: pair.name.trim() ? `${field}.${pair.name.trim()}` : undefined,
        label: t('up.value', { k: at + 1 }), value: pair.value, onChange,
    };
    if (field === 'options') return <LinesField {...shared} rows={1} />;
    return <TextField {...shared} type="password" autoComplete="new-password" hint={pair.set ? t('up.value_kept') : undefined} />;
}

/** Timeouts, TLS, header fields and options: folded away until somebody needs them, or one is wrong. */
export function CallFields({ draft, system, onChange }: { draft: CallDraft; system: boolean; onChange: (draft: CallDraft) => void }) {
    const t = useT();
    const change = (part: Partial<CallDraft>) => { onChange({ ...draft, ...part }); };
    const number = (name: 'failures' | 'probe_every') => (
        <TextField
            path={name} label={t(name === 'failures' ? 'up.open_after' : 'up.probe_every')} value={draft[name]} inputMode="decimal" maxLength={12}
            placeholder={usual[name]}
            onChange={(text) => { change({ [name]: text }); }}
        />
    );
    return (
        <>
            <Section title={t('up.times')} paths={['timeouts', 'failures', 'probe_every']}>
                <div className="form-grid">
                    {phases.map((phase) => (
                        <TextField
                            key={phase} path={`timeouts.${phase}`} label={t(`up.time_${phase}`)} value={draft.timeouts[phase]}
                            inputMode="decimal" maxLength={12} placeholder={usual[phase]}
                            onChange={(text) => { change({ timeouts: { ...draft.timeouts, [phase]: text } }); }}
                        />
                    ))}
                    {number('failures')}
                    {number('probe_every')}
                </div>
            </Section>
            <Section title={t('up.network')} paths={['ca', 'server_name', 'allow_private']}>
                <LinesField
                    path="ca" label={t('up.ca')} value={draft.ca} rows={3} placeholder="-----BEGIN CERTIFICATE-----" hint={t('up.ca_hint')}
                    onChange={(ca) => { change({ ca }); }}
                />
                <TextField
                    path="server_name" label={t('up.server_name')} value={draft.server_name} maxLength={253} hint={t('up.server_name_hint')}
                    onChange={(server_name) => { change({ server_name }); }}
                />
                {system && (
                    <CheckField
                        path="allow_private" label={t('up.allow_private')} value={draft.allow_private} hint={t('up.allow_private_hint')}
                        onChange={(allow_private) => { change({ allow_private }); }}
                    />
                )}
            </Section>
            <Section title={t('up.more')} paths={['headers', 'options']}>
                <PairFields field="headers" pairs={draft.headers} onChange={(headers) => { change({ headers }); }} />
                <PairFields field="options" pairs={draft.options} onChange={(options) => { change({ options }); }} />
            </Section>
        </>
    );
}

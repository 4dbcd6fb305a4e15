import { useState, type FormEvent } from 'react';
import { useT, type Key } from '../../i18n';
import { Button, Segments } from '../../ui/controls';
import { draftAfter, filters, noChoice, outcomes, ranges, typed, type Choice, type Range, type Typed } from './request-model';

const labels: Record<Typed, Key> = {
    text: 'req.text', model: 'req.model', key: 'req.key', app: 'req.app', user: 'req.user', upstream: 'req.upstream',
    status: 'req.status', tenant: 'req.tenant',
};
const hints: Partial<Record<Typed, Key>> = { key: 'req.key_hint', status: 'req.status_hint' };

/** What is typed is looked for when it is sent: each search reads files. */
export function RequestFilterBar({ choice, tenants, onChange }: {
    choice: Choice; tenants: boolean; onChange: (choice: Choice) => void;
}) {
    const t = useT();
    const [draft, setDraft] = useState(choice);
    const [drafted, setDrafted] = useState(choice);
    // While it renders, not after: a key that comes then would be lost.
    if (drafted !== choice) {
        setDrafted(choice);
        setDraft(draftAfter(draft, drafted, choice));
    }
    const send = (event: FormEvent) => {
        event.preventDefault();
        onChange(draft);
    };
    const rangeText = (hours: Range) => (
        hours === 0 ? t('req.ever') : hours === 1 ? t('req.hour') : hours === 24 ? t('req.day') : t('req.days', { n: hours / 24 })
    );
    return (
        <form className="req-filter" onSubmit={send} role="search" aria-label={t('req.filter')}>
            <div className="req-fields">
                {typed.filter((name) => tenants || name !== 'tenant').map((name) => (
                    <label key={name} className={name === 'text' ? 'req-field is-wide' : 'req-field'}>
                        <span className="small quiet">{t(labels[name])}</span>
                        <input
                            className="input" type={name === 'text' ? 'search' : 'text'} data-search={name === 'text' ? '' : undefined}
                            value={draft[name]} placeholder={hints[name] && t(hints[name])} autoComplete="off" spellCheck={false}
                            inputMode={name === 'status' ? 'numeric' : undefined}
                            onChange={({ target }) => { setDraft({ ...draft, [name]: target.value }); }}
                        />
                    </label>
                ))}
            </div>
            <div className="req-row">
                <Segments
                    label={t('req.outcome')} value={choice.outcome} onChange={(outcome) => { onChange({ ...draft, outcome }); }}
                    options={[
                        { value: '' as Choice['outcome'], text: t('jobs.any') },
                        ...outcomes.map((value) => ({ value, text: value === 'refused' ? t('req.refused') : t(`state.${value}`) })),
                    ]}
                />
                <Segments
                    label={t('req.range')} value={choice.range} onChange={(range) => { onChange({ ...draft, range }); }}
                    options={ranges.map((value) => ({ value, text: rangeText(value) }))}
                />
                <Button look="primary" icon="search" type="submit">{t('req.filter')}</Button>
                {filters(choice) && (
                    <Button
                        look="plain"
                        onClick={() => {
                            setDraft(noChoice);
                            onChange(noChoice);
                        }}
                    >
                        {t('req.clear')}
                    </Button>
                )}
            </div>
        </form>
    );
}

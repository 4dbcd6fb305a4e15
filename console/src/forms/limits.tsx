import type { FieldFault } from '../api/client';
import type { Limits } from '../api/admin-types';
import { useT, type Translate } from '../i18n';
import { count } from '../ui/format';
import { GroupField, TextField } from './fields';

export const limitNames = ['requests_per_minute', 'requests_per_day', 'tokens_per_minute', 'concurrency'] as const;
type LimitName = (typeof limitNames)[number];

/** As they are typed: an empty text is no limit. */
export type LimitsDraft = Record<LimitName, string>;

export function limitsDraft(limits: Limits = {}): LimitsDraft {
    const text = (name: LimitName) => String(limits[name] ?? '');
    return {
        requests_per_minute: text('requests_per_minute'), requests_per_day: text('requests_per_day'),
        tokens_per_minute: text('tokens_per_minute'), concurrency: text('concurrency'),
    };
}

export function limitsFaults(draft: LimitsDraft, path = 'limits'): FieldFault[] {
    return limitNames.filter((name) => !/^\d*$/.test(draft[name].trim())).map((name) => ({ path: `${path}.${name}`, rule: 'type:integer' }));
}

export function limitsOf(draft: LimitsDraft): Limits {
    const set = limitNames.filter((name) => Number(draft[name]) > 0).map((name) => [name, Number(draft[name])] as const);
    return Object.fromEntries(set);
}

export const limited = (limits: Limits = {}) => limitNames.some((name) => (limits[name] ?? 0) > 0);

/** "600/min, 40 at once" */
export function limitsText(limits: Limits = {}, t: Translate): string {
    return limitNames.filter((name) => limits[name]).map((name) => t(`limits.short_${name}`, { n: count(limits[name] ?? 0) })).join(', ');
}

export function LimitInputs({ path, draft, onChange }: { path: string; draft: LimitsDraft; onChange: (draft: LimitsDraft) => void }) {
    const t = useT();
    return (
        <div className="form-grid">
            {limitNames.map((name) => (
                <TextField
                    key={name} path={`${path}.${name}`} label={t(`limits.${name}`)} value={draft[name]} inputMode="numeric"
                    maxLength={13} onChange={(text) => { onChange({ ...draft, [name]: text }); }}
                />
            ))}
        </div>
    );
}

export function LimitsFields({ draft, onChange }: { draft: LimitsDraft; onChange: (draft: LimitsDraft) => void }) {
    const t = useT();
    return (
        <GroupField path="limits" exact label={t('limits.title')} hint={t('limits.hint')}>
            <LimitInputs path="limits" draft={draft} onChange={onChange} />
        </GroupField>
    );
}

import { useMemo } from 'react';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { Field } from './field';
import type { Fault } from './form-check';
import { textsIn, type Drafts, type Entry } from './form-model';

/** What a conversation is steered by, the usual ones first; the others stand folded below them. */
const usual = ['temperature', 'max_tokens', 'top_p', 'top_k', 'min_p', 'seed', 'stop'];
/** The conversation itself, and the two by which a server that speaks OpenAI's dialect gets a body as it came. */
const notSteering = new Set(['messages', 'request', 'operation']);

export const steers = (entry: Entry) => entry.role === 'parameter' && !notSteering.has(entry.name);

interface SettingsProps {
    entries: Entry[];
    drafts: Drafts;
    faults: Record<string, Fault>;
    system: string;
    onSystem: (text: string) => void;
    onChange: (name: string, text: string | string[]) => void;
    onReset: () => void;
}

export function ChatSettings({ entries, drafts, faults, system, onSystem, onChange, onReset }: SettingsProps) {
    const t = useT();
    const [first, more] = useMemo(() => {
        const all = entries.filter(steers);
        const known = usual.flatMap((name) => all.filter((entry) => entry.name === name));
        return [known, all.filter((entry) => !known.includes(entry))];
    }, [entries]);
    const field = (entry: Entry) => (
        <Field
            key={entry.name} entry={entry} draft={drafts[entry.name] ?? ''} fault={faults[entry.name]}
            onChange={(draft) => { onChange(entry.name, entry.most === undefined ? textsIn(draft)[0] ?? '' : textsIn(draft)); }}
        />
    );
    const hidden = more.some((entry) => faults[entry.name]);
    return (
        <aside className="chat-settings" aria-label={t('form.parameters')}>
            <div className="field">
                <label className="field-label" htmlFor="system">{t('chat.system')}</label>
                <textarea
                    id="system" className="input" rows={4} value={system} placeholder={t('chat.system_hint')}
                    onChange={(event) => { onSystem(event.target.value); }}
                />
            </div>
            {first.map(field)}
            {more.length > 0 && (
                <details open={hidden || undefined}>
                    <summary className="small quiet">{t('chat.more', { n: more.length })}</summary>
                    {more.map(field)}
                </details>
            )}
            <Button small look="plain" className="chat-defaults" onClick={onReset}>{t('chat.defaults')}</Button>
        </aside>
    );
}

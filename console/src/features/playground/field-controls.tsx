import type { KeyboardEvent } from 'react';
import { useT } from '../../i18n';
import { Button, Segments } from '../../ui/controls';
import type { Entry } from './form-model';
import { isNumber } from './form-model';

export interface ControlProps {
    id: string;
    entry: Entry;
    invalid: boolean;
    describedBy: string;
}

interface TextProps extends ControlProps {
    text: string;
    onChange: (text: string) => void;
}

/** The rows that a text needs, within reason. */
const rowsFor = (text: string, least: number) => Math.min(16, Math.max(least, text.split('\n').length));

/** Tab makes an indent in JSON; Shift+Tab still leaves the field. */
function indent(event: KeyboardEvent<HTMLTextAreaElement>): void {
    if (event.key !== 'Tab' || event.shiftKey) return;
    event.preventDefault();
    event.currentTarget.setRangeText('  ', event.currentTarget.selectionStart, event.currentTarget.selectionEnd, 'end');
    event.currentTarget.dispatchEvent(new Event('input', { bubbles: true }));
}

function pretty(text: string): string {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

function NumberControl({ id, entry, invalid, describedBy, text, onChange }: TextProps) {
    const { spec, name } = entry;
    const low = Number(spec.min);
    const high = Number(spec.max);
    // A slider only where a step of it means something.
    const slides = spec.min !== undefined && spec.max !== undefined
        && high - low <= (spec.kind === 'integer' ? 10_000 : 10);
    const step = spec.multiple_of ?? (spec.kind === 'integer' ? 1 : (high - low) / 100);
    return (
        <div className="row">
            <input
                id={id} className="input num field-number" inputMode="decimal" value={text} autoComplete="off"
                aria-invalid={invalid} aria-describedby={describedBy}
                placeholder={spec.default === undefined ? '' : String(spec.default)}
                onChange={(event) => { onChange(event.target.value); }}
            />
            {slides && (
                <input
                    type="range" className="grow" aria-label={spec.title ?? name} tabIndex={-1}
                    min={low} max={high} step={step} value={text === '' ? low : Number(text) || low}
                    onChange={(event) => { onChange(event.target.value); }}
                />
            )}
        </div>
    );
}

function ChoiceControl({ id, entry, invalid, describedBy, text, onChange }: TextProps) {
    const t = useT();
    const { spec, name, required } = entry;
    const values = spec.kind === 'boolean' ? ['true', 'false'] : (spec.values ?? []).map(String);
    const words = (value: string) => (
        spec.kind === 'boolean' ? (value === 'true' ? t('field.yes') : t('field.no')) : value
    );
    const options = values.map((value) => ({ value, text: words(value) }));
    if (!required && spec.default === undefined) options.unshift({ value: '', text: t('field.unset') });
    if (values.length <= 4) {
        return <Segments label={spec.title ?? name} value={text} options={options} onChange={onChange} />;
    }
    return (
        <select
            id={id} className="input" value={text} aria-invalid={invalid} aria-describedby={describedBy}
            onChange={(event) => { onChange(event.target.value); }}
        >
            {text === '' && required && <option value="" />}
            {options.map((option) => <option key={option.value} value={option.value}>{option.text}</option>)}
        </select>
    );
}

export function TextControl(props: TextProps) {
    const t = useT();
    const { id, entry: { spec, required }, invalid, describedBy, text, onChange } = props;
    if (isNumber(spec)) return <NumberControl {...props} />;
    if (spec.kind === 'boolean' || spec.kind === 'enum' || spec.values) return <ChoiceControl {...props} />;
    const shared = {
        id, value: text, required, 'aria-invalid': invalid, 'aria-describedby': describedBy,
        onChange: (event: { target: { value: string } }) => { onChange(event.target.value); },
    };
    if (spec.kind === 'json' || spec.kind === 'tensor') {
        return (
            <div className="field-json">
                <textarea
                    {...shared} className="input mono" rows={rowsFor(text, 4)} spellCheck={false} onKeyDown={indent}
                    placeholder={spec.kind === 'tensor' ? '[0.1, 0.2, 0.3]' : '{}'}
                />
                <Button small look="plain" onClick={() => { onChange(pretty(text)); }}>{t('field.pretty')}</Button>
            </div>
        );
    }
    if (spec.kind === 'text') return <textarea {...shared} className="input" rows={rowsFor(text, 4)} />;
    return <input {...shared} className="input" placeholder={spec.kind === 'time' ? '2026-01-31T12:00:00Z' : ''} />;
}

export function ListControl({ texts, onChange, ...shared }: ControlProps & {
    texts: string[]; onChange: (texts: string[]) => void;
}) {
    const t = useT();
    const { id, entry } = shared;
    return (
        <ol className="field-list">
            {texts.map((text, at) => (
                <li key={at} className="row">
                    <div className="grow">
                        <label className="hidden-text" htmlFor={`${id}-${at}`}>{entry.name} {at + 1}</label>
                        <TextControl
                            {...shared} id={`${id}-${at}`} text={text}
                            onChange={(next) => { onChange(texts.map((old, n) => (n === at ? next : old))); }}
                        />
                    </div>
                    <Button
                        look="plain" icon="cross" aria-label={t('field.remove', { k: at + 1 })}
                        onClick={() => { onChange(texts.filter((_, n) => n !== at)); }}
                    />
                </li>
            ))}
            {texts.length < (entry.most ?? Infinity) && (
                <li>
                    <Button small look="plain" icon="plus" onClick={() => { onChange([...texts, '']); }}>
                        {t('field.add')}
                    </Button>
                </li>
            )}
        </ol>
    );
}

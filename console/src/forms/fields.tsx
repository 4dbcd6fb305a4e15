import { useEffect, useId, useRef, type ComponentProps, type ReactNode } from 'react';
import { useT } from '../i18n';
import { faultAt, faultText } from './faults';
import { useFaults } from './form';

interface Shared {
    /** Its name on the wire, by which the server names its faults. */
    path: string;
    /** Another name that it has for the server, such as that of an entry of an object. */
    also?: string | undefined;
    label: string;
    hint?: ReactNode;
}

function useField(path: string, exact = false, also?: string) {
    const t = useT();
    const id = useId();
    const faults = useFaults();
    const named = also === undefined ? undefined : faults.find((each) => each.path === also);
    const fault = named ?? (exact ? faults.find((each) => each.path === path) : faultAt(faults, path));
    return {
        id,
        text: fault && faultText(fault, t),
        control: { id, 'aria-invalid': fault !== undefined, 'aria-describedby': `${id}-hint ${id}-fault` },
    };
}

function Below({ id, text, hint }: { id: string; text: string | undefined; hint: ReactNode }) {
    return (
        <>
            <p id={`${id}-fault`} className="tone-bad small" role={text ? 'alert' : undefined}>{text}</p>
            <p id={`${id}-hint`} className="quiet small">{hint}</p>
        </>
    );
}

interface TextProps extends Shared, Omit<ComponentProps<'input'>, 'onChange' | 'value'> {
    value: string;
    /** Has the focus when the form opens. */
    first?: boolean;
    onChange: (value: string) => void;
}

export function TextField({ path, also, label, hint, first, onChange, ...rest }: TextProps) {
    const { id, text, control } = useField(path, false, also);
    const input = useRef<HTMLInputElement>(null);
    useEffect(() => { if (first) input.current?.focus(); }, [first]);
    return (
        <div className="form-field">
            <label className="field-label" htmlFor={id}>{label}</label>
            <input
                ref={input} className="input" autoComplete="off" spellCheck={false} {...rest} {...control}
                onChange={({ target }) => { onChange(target.value); }}
            />
            <Below id={id} text={text} hint={hint} />
        </div>
    );
}

interface AreaProps extends Shared {
    value: string;
    rows?: number;
    placeholder?: string;
    onChange: (value: string) => void;
}

/** Several values, one a line. */
export function LinesField({ path, also, label, hint, onChange, ...rest }: AreaProps) {
    const { id, text, control } = useField(path, false, also);
    return (
        <div className="form-field">
            <label className="field-label" htmlFor={id}>{label}</label>
            <textarea
                className="input mono" rows={2} spellCheck={false} {...rest} {...control}
                onChange={({ target }) => { onChange(target.value); }}
            />
            <Below id={id} text={text} hint={hint} />
        </div>
    );
}

interface SelectProps extends Shared {
    value: string;
    options: { value: string; text: string }[];
    onChange: (value: string) => void;
}

export function SelectField({ path, label, hint, value, options, onChange }: SelectProps) {
    const { id, text, control } = useField(path);
    return (
        <div className="form-field">
            <label className="field-label" htmlFor={id}>{label}</label>
            <select className="input" value={value} {...control} onChange={({ target }) => { onChange(target.value); }}>
                {options.map((option) => <option key={option.value} value={option.value}>{option.text}</option>)}
            </select>
            <Below id={id} text={text} hint={hint} />
        </div>
    );
}

/** Several controls that are one field; `exact` where those within tell their own faults. */
export function GroupField({ path, label, hint, exact, children }: Shared & { exact?: boolean; children: ReactNode }) {
    const { id, text } = useField(path, exact);
    return (
        <fieldset className="form-field" aria-describedby={`${id}-fault`}>
            <legend className="field-label">{label}</legend>
            {children}
            <Below id={id} text={text} hint={hint} />
        </fieldset>
    );
}

export function CheckField({ path, label, hint, value, onChange }: Shared & { value: boolean; onChange: (value: boolean) => void }) {
    const { id, text, control } = useField(path);
    return (
        <div className="form-field">
            <label className="row">
                <input type="checkbox" checked={value} {...control} onChange={({ target }) => { onChange(target.checked); }} />
                {label}
            </label>
            <Below id={id} text={text} hint={hint} />
        </div>
    );
}

import { useEffect, useLayoutEffect, useRef, useState, type ComponentProps, type ReactNode } from 'react';
import { Icon, type IconName } from './icon';

export type Tone = 'good' | 'bad' | 'warn' | 'run' | 'wait';

interface ButtonProps extends ComponentProps<'button'> {
    look?: 'primary' | 'plain' | 'danger';
    small?: boolean;
    icon?: IconName;
}

export function Button({ look, small, icon, children, className, ...rest }: ButtonProps) {
    const names = ['button', look, small && 'small', icon && !children && 'icon', className];
    return (
        <button type="button" className={names.filter(Boolean).join(' ')} {...rest}>
            {icon && <Icon name={icon} />}
            {children}
        </button>
    );
}

export function Badge({ tone, icon, live, children }: {
    tone: Tone; icon: IconName; live?: boolean; children: ReactNode;
}) {
    return (
        <span className={`badge tone-${tone}`}>
            <Icon name={icon} className={live ? 'spin' : undefined} />
            {children}
        </span>
    );
}

export function Segments<T extends string | number>({ label, value, options, onChange }: {
    label: string; value: T; options: { value: T; text: string }[]; onChange: (value: T) => void;
}) {
    return (
        <div className="segments" role="group" aria-label={label}>
            {options.map((option) => (
                <button
                    key={option.value} type="button" aria-pressed={option.value === value}
                    onClick={() => { onChange(option.value); }}
                >
                    {option.text}
                </button>
            ))}
        </div>
    );
}

/** Puts a text on the clipboard and says so for a moment. */
export function CopyButton({ text, label, done, small = true, children }: {
    text: string | (() => string); label: string; done: string; small?: boolean; children?: ReactNode;
}) {
    const [copied, setCopied] = useState(false);
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    useEffect(() => () => { clearTimeout(timer.current); }, []);
    const copy = async () => {
        await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
        setCopied(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => { setCopied(false); }, 1500);
    };
    return (
        <Button
            look="plain" small={small} icon={copied ? 'check' : 'copy'} title={copied ? done : label}
            aria-label={children ? undefined : copied ? done : label} onClick={() => { void copy(); }}
        >
            {children}
            <span className="hidden-text" aria-live="polite">{copied ? done : ''}</span>
        </Button>
    );
}

export function Command({ text, copy, copied }: { text: string; copy: string; copied: string }) {
    return (
        <div className="command">
            <code tabIndex={0}>{text}</code>
            <CopyButton text={text} label={copy} done={copied} />
        </div>
    );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
    return (
        <div className="empty">
            <p>{title}</p>
            {children}
        </div>
    );
}

export function Notice({ tone, icon = 'warn', children }: { tone: Tone; icon?: IconName; children: ReactNode }) {
    return (
        <div className={`notice tone-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
            <Icon name={icon} />
            <div>{children}</div>
        </div>
    );
}

/** One cell a slot up to 16, one whole bar beyond. The numbers stand beside it, so it is decoration. */
export function SlotBar({ busy, slots }: { busy: number; slots: number }) {
    if (slots > 16) {
        const width = `${slots > 0 ? Math.min(100, (100 * busy) / slots) : 0}%`;
        return <div className="bar whole" aria-hidden="true"><i className="busy" style={{ width }} /></div>;
    }
    return (
        <div className="bar" aria-hidden="true">
            {Array.from({ length: slots }, (_, slot) => <i key={slot} className={slot < busy ? 'busy' : ''} />)}
        </div>
    );
}

/** `firm`: only its own buttons close it, for what is not shown again. `drawer`: at the side, for much to read. */
export function Dialog({ title, open, firm, drawer, onClose, close, children }: {
    title: string; open: boolean; firm?: boolean; drawer?: boolean; onClose: () => void; close: string; children: ReactNode;
}) {
    const ref = useRef<HTMLDialogElement>(null);
    // Before the effects of what is in it, which may want the focus.
    useLayoutEffect(() => {
        const dialog = ref.current;
        if (open && !dialog?.open) dialog?.showModal();
        else if (!open && dialog?.open) dialog.close();
    }, [open]);
    return (
        <dialog
            ref={ref} className={drawer ? 'dialog drawer' : 'dialog'} aria-label={title} onClose={onClose}
            onCancel={(event) => { if (firm) event.preventDefault(); }}
            // A browser closes one that refuses twice, but not where Escape never gets to it.
            onKeyDown={(event) => { if (firm && event.key === 'Escape') event.preventDefault(); }}
            onClick={(event) => { if (event.target === ref.current && !firm) onClose(); }}
        >
            <div className="row">
                <h2 className="grow">{title}</h2>
                {!firm && <Button look="plain" small icon="cross" aria-label={close} onClick={onClose} />}
            </div>
            {children}
        </dialog>
    );
}

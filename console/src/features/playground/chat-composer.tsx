import { useEffect, useState, type KeyboardEvent, type ReactNode, type RefObject } from 'react';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';

/** Enter that picks a word of an input method is not the end of the message; Shift+Enter makes a line. */
export const isSend = (event: KeyboardEvent) => event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing;

export const rowsOf = (text: string) => Math.min(10, Math.max(2, text.split('\n').length));

/** Enter sends, Escape stops. What is done here ends with the focus in the text again. */
export function ChatComposer({ field, busy, onSend, onStop, onClear, children }: {
    field: RefObject<HTMLTextAreaElement | null>;
    busy: boolean;
    /** False: it was not sent, the text stays. */
    onSend: (text: string) => boolean;
    onStop: () => void;
    onClear?: (() => void) | undefined;
    children?: ReactNode;
}) {
    const t = useT();
    const [text, setText] = useState('');
    const sendIt = () => { if (!busy && text.trim() !== '' && onSend(text.trim())) setText(''); };
    const pressed = (event: KeyboardEvent) => {
        if (!isSend(event)) return;
        event.preventDefault();
        sendIt();
    };
    const then = (act: () => void) => () => {
        act();
        field.current?.focus();
    };
    useEffect(() => {
        if (!busy) return;
        const stopped = (event: globalThis.KeyboardEvent) => { if (event.key === 'Escape') onStop(); };
        document.addEventListener('keydown', stopped);
        return () => { document.removeEventListener('keydown', stopped); };
    }, [busy, onStop]);
    return (
        <div className="composer">
            <textarea
                ref={field} className="composer-text" rows={rowsOf(text)} value={text}
                placeholder={t('chat.placeholder')} aria-label={t('chat.placeholder')}
                onChange={(event) => { setText(event.target.value); }} onKeyDown={pressed}
            />
            <div className="row">
                <div className="grow row">
                    {children}
                    {onClear && !busy && <Button small look="plain" onClick={then(onClear)}>{t('chat.clear')}</Button>}
                </div>
                {busy
                    ? <Button icon="stop" onClick={then(onStop)}>{t('form.stop')}</Button>
                    : <Button look="primary" disabled={text.trim() === ''} onClick={then(sendIt)}>{t('chat.send')}</Button>}
            </div>
        </div>
    );
}

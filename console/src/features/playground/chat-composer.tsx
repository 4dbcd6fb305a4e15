import { useEffect, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';

/** Enter sends, Shift+Enter makes a line, Escape stops. */
export function ChatComposer({ busy, onSend, onStop, children }: {
    busy: boolean;
    /** False: it was not sent, the text stays. */
    onSend: (text: string) => boolean;
    onStop: () => void;
    children?: ReactNode;
}) {
    const t = useT();
    const [text, setText] = useState('');
    const sendIt = () => { if (!busy && text.trim() !== '' && onSend(text.trim())) setText(''); };
    const pressed = (event: KeyboardEvent) => {
        // Enter that picks a word of an input method is not the end of the message.
        if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
        event.preventDefault();
        sendIt();
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
                className="composer-text" rows={Math.min(10, Math.max(2, text.split('\n').length))} value={text}
                placeholder={t('chat.placeholder')} aria-label={t('chat.placeholder')}
                onChange={(event) => { setText(event.target.value); }} onKeyDown={pressed}
            />
            <div className="row">
                <div className="grow row">{children}</div>
                {busy
                    ? <Button icon="stop" onClick={onStop}>{t('form.stop')}</Button>
                    : <Button look="primary" disabled={text.trim() === ''} onClick={sendIt}>{t('chat.send')}</Button>}
            </div>
        </div>
    );
}

import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { useT, type Translate } from '../../i18n';
import { Button, CopyButton } from '../../ui/controls';
import { duration } from '../../ui/format';
import { isSend, rowsOf } from './chat-composer';
import { blocksOf, type Turn } from './chat-model';

/** `code` and **strong** within a line; everything else stays as it is. */
function inline(text: string): ReactNode[] {
    return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((part, at) => {
        if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) return <code key={at}>{part.slice(1, -1)}</code>;
        if (part.length > 4 && part.startsWith('**')) return <strong key={at}>{part.slice(2, -2)}</strong>;
        return part;
    });
}

function Code({ language, text }: { language?: string | undefined; text: string }) {
    const t = useT();
    return (
        <div className="chat-code">
            <div className="row small quiet">
                <span className="grow">{language}</span>
                <CopyButton text={text} label={t('copy')} done={t('copied')} />
            </div>
            <pre tabIndex={0}>{text}</pre>
        </div>
    );
}

function Words({ content }: { content: string }) {
    return blocksOf(content).map((block, at) => (block.code
        ? <Code key={at} language={block.language} text={block.text} />
        : <p key={at}>{inline(block.text)}</p>
    ));
}

function factsOf({ timing, tokens, promptTokens, finish, stopped }: Turn, t: Translate): string {
    const facts = [
        timing?.first !== undefined && t('chat.first', { time: duration(timing.first) }),
        timing?.tokensPerSecond !== undefined && `${timing.tokensPerSecond.toFixed(1)} ${t('unit.tokens_per_s')}`,
        promptTokens !== undefined && t('chat.prompt_tokens', { n: promptTokens }),
        tokens !== undefined && t('chat.tokens', { n: tokens }),
        timing && t('chat.total', { time: duration(timing.total) }),
        stopped && t('chat.stopped'),
        finish === 'length' ? t('chat.length') : finish !== undefined && finish !== 'stop' && finish,
    ];
    return facts.filter((fact) => typeof fact === 'string').join(' · ');
}

function Editor({ text, onSend, onLeave }: { text: string; onSend: (text: string) => void; onLeave: () => void }) {
    const t = useT();
    const [now, setNow] = useState(text);
    const field = useRef<HTMLTextAreaElement>(null);
    useEffect(() => {
        field.current?.focus();
        field.current?.setSelectionRange(text.length, text.length);
    }, [text]);
    const sendIt = () => { if (now.trim() !== '') onSend(now.trim()); };
    const pressed = (event: KeyboardEvent) => {
        if (event.key === 'Escape') onLeave();
        else if (isSend(event)) sendIt();
        else return;
        event.preventDefault();
    };
    return (
        <div className="composer turn-editor">
            <textarea
                ref={field} className="composer-text" rows={rowsOf(now)} value={now} aria-label={t('chat.edit')}
                onChange={(event) => { setNow(event.target.value); }} onKeyDown={pressed}
            />
            <div className="row">
                <span className="grow small quiet">{t('chat.edit_hint')}</span>
                <Button small onClick={onLeave}>{t('cancel')}</Button>
                <Button small look="primary" disabled={now.trim() === ''} onClick={sendIt}>{t('chat.send')}</Button>
            </div>
        </div>
    );
}

interface TurnProps {
    turn: Turn;
    /** It is being made. */
    live?: boolean;
    /** No answer is being made, so this may be asked anew. */
    still?: boolean;
    again?: () => void;
    /** False: it was not sent. */
    edit?: (text: string) => boolean;
}

function UserTurn({ turn, still, edit }: TurnProps) {
    const t = useT();
    const [editing, setEditing] = useState(false);
    const opener = useRef<HTMLButtonElement>(null);
    const back = () => {
        // At once, so that the button is there for the focus and the next key goes to it.
        flushSync(() => { setEditing(false); });
        opener.current?.focus();
    };
    if (editing && still) {
        return <Editor text={turn.content} onLeave={back} onSend={(text) => { if (edit?.(text)) setEditing(false); }} />;
    }
    return (
        <>
            <div className="turn-words"><p>{turn.content}</p></div>
            <p className="turn-facts is-right">
                <CopyButton text={turn.content} label={t('copy')} done={t('copied')} />
                <Button
                    ref={opener} look="plain" small icon="edit" aria-label={t('chat.edit')} title={t('chat.edit')}
                    disabled={!still} onClick={() => { setEditing(true); }}
                />
            </p>
        </>
    );
}

function AssistantTurn({ turn, live, still, again }: TurnProps) {
    const t = useT();
    return (
        <>
            <div className="turn-words">
                <Words content={turn.content} />
                {turn.calls !== undefined && <Code language={t('chat.calls')} text={JSON.stringify(turn.calls, null, 2)} />}
                {live && <i className="turn-caret pulse" aria-hidden="true" />}
            </div>
            {!live && (
                <p className="turn-facts small quiet num">
                    <span>{factsOf(turn, t)}</span>
                    <CopyButton text={turn.content} label={t('copy')} done={t('copied')} />
                    <Button
                        look="plain" small icon="retry" aria-label={t('chat.again')} title={t('chat.again')}
                        disabled={!still} onClick={again}
                    />
                </p>
            )}
        </>
    );
}

export function ChatTurn(props: TurnProps) {
    const t = useT();
    const { turn, live } = props;
    return (
        <li className={`turn is-${turn.role}${live ? ' is-live' : ''}`}>
            <h2 className="hidden-text">{t(`chat.${turn.role}`)}</h2>
            {turn.role === 'assistant' ? <AssistantTurn {...props} /> : <UserTurn {...props} />}
        </li>
    );
}

import type { ReactNode } from 'react';
import { useT } from '../../i18n';
import { CopyButton } from '../../ui/controls';
import { duration } from '../../ui/format';
import { blocksOf, type Turn } from './chat-model';

/** `code` and **strong** within a line; everything else stays as it is. */
function inline(text: string): ReactNode[] {
    return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((part, at) => {
        if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) return <code key={at}>{part.slice(1, -1)}</code>;
        if (part.length > 4 && part.startsWith('**')) return <strong key={at}>{part.slice(2, -2)}</strong>;
        return part;
    });
}

function Words({ content }: { content: string }) {
    const t = useT();
    return blocksOf(content).map((block, at) => (block.code
        ? (
            <div key={at} className="chat-code">
                <div className="row small quiet">
                    <span className="grow">{block.language}</span>
                    <CopyButton text={block.text} label={t('copy')} done={t('copied')} />
                </div>
                <pre tabIndex={0}>{block.text}</pre>
            </div>
        )
        : <p key={at}>{inline(block.text)}</p>
    ));
}

export function ChatTurn({ turn, live }: { turn: Turn; live?: boolean }) {
    const t = useT();
    const { timing, tokens } = turn;
    const facts = [
        timing?.first !== undefined && `${t('timing.first')} ${duration(timing.first)}`,
        timing && `${t('timing.total')} ${duration(timing.total)}`,
        tokens !== undefined && t('chat.tokens', { n: tokens }),
        timing?.tokensPerSecond !== undefined && `${timing.tokensPerSecond.toFixed(1)} ${t('unit.tokens_per_s')}`,
        turn.stopped && t('chat.stopped'),
    ].filter((fact) => typeof fact === 'string');
    return (
        <li className={`turn is-${turn.role}${live ? ' is-live' : ''}`}>
            <h2 className="hidden-text">{t(`chat.${turn.role}`)}</h2>
            <div className="turn-words">
                {turn.role === 'assistant' ? <Words content={turn.content} /> : <p>{turn.content}</p>}
                {live && <i className="turn-caret pulse" aria-hidden="true" />}
            </div>
            {turn.role === 'assistant' && !live && (
                <p className="turn-facts small quiet num">
                    <span>{facts.join(' · ')}</span>
                    <CopyButton text={turn.content} label={t('copy')} done={t('copied')} />
                </p>
            )}
        </li>
    );
}

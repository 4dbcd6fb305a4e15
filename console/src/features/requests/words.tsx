import { useT } from '../../i18n';
import { CopyButton } from '../../ui/controls';
import { count } from '../../ui/format';
import { JsonTree } from '../../ui/value-view';
import { jsonIn, turnsOf } from './request-model';

/** A conversation turn by turn, other JSON as a tree, and the rest as it is. */
function Shown({ text }: { text: string }) {
    const value = jsonIn(text);
    if (value === undefined) return <pre className="value-text" tabIndex={0}>{text}</pre>;
    const talk = turnsOf(value);
    if (!talk) return <JsonTree value={value} />;
    return (
        <>
            <dl className="req-turns">
                {talk.turns.map(({ role, content }, at) => (
                    <div key={at}>
                        <dt className="small quiet">{role}</dt>
                        <dd>{typeof content === 'string' ? <p className="req-said">{content}</p> : <JsonTree value={content} />}</dd>
                    </div>
                ))}
            </dl>
            {Object.keys(talk.more).length > 0 && <JsonTree value={talk.more} />}
        </>
    );
}

/** What was asked or answered, as much of it as was kept. */
export function Words({ title, text, whole }: { title: string; text: string | undefined; whole: number | undefined }) {
    const t = useT();
    return (
        <section className="req-words" aria-label={title}>
            <div className="row">
                <h3 className="grow">{title}</h3>
                {text !== undefined && <CopyButton text={text} label={t('copy')} done={t('copied')} />}
            </div>
            {text === undefined ? <p className="quiet small">{t('req.no_texts')}</p> : <Shown text={text} />}
            {text !== undefined && whole !== undefined && (
                <p className="quiet small">{t('req.cut', { n: count(new TextEncoder().encode(text).length), all: count(whole) })}</p>
            )}
        </section>
    );
}

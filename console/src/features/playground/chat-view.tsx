import { useEffect, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { Capability } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Notice } from '../../ui/controls';
import { ChatComposer } from './chat-composer';
import { messagesOf, turnsOf, type Turn } from './chat-model';
import { ChatTurn } from './chat-turns';
import { CodePanel } from './code-panel';
import { Field } from './field';
import { byField, checkAll, type Fault } from './form-check';
import { emptyDrafts, entriesOf, type Drafts } from './form-model';
import { pastRun, remember } from './history';
import { isBusy, timingOf, tokensOf, type Run } from './run-state';
import { useRun } from './use-run';

const textOf = (run: Run) => (typeof run.output['text'] === 'string' ? run.output['text'] : '');

/** The parameters that a conversation is steered by, first the usual ones. */
const usual = ['temperature', 'max_tokens', 'top_p', 'top_k', 'min_p', 'seed', 'stop'];
const rank = (name: string) => (usual.includes(name) ? usual.indexOf(name) : usual.length);

function asked(run: Run, given: Turn[]): Turn[] {
    const words = textOf(run);
    if (words === '' && run.phase !== 'done') return given;
    const timing = timingOf(run, performance.now());
    return [...given, {
        role: 'assistant', content: words, timing, tokens: tokensOf(run.job?.usage?.meters),
        stopped: run.phase === 'stopped',
    }];
}

export function ChatView({ capability, clientUrl }: { capability: Capability; clientUrl: string }) {
    const t = useT();
    const name = `${capability.name}@${capability.version}`;
    const entries = useMemo(() => entriesOf(capability.interface), [capability]);
    const settings = useMemo(() => entries.filter((entry) => entry.name !== 'messages' && entry.role === 'parameter')
        .sort((a, b) => rank(a.name) - rank(b.name)), [entries]);
    const [search] = useSearchParams();
    const past = search.get('run');
    const [drafts, setDrafts] = useState<Drafts>(() => emptyDrafts(entries));
    const [faults, setFaults] = useState<Record<string, Fault>>({});
    const [system, setSystem] = useState('');
    const [turns, setTurns] = useState<Turn[]>([]);
    const sent = useRef<{ drafts: Drafts; turns: Turn[] }>({ drafts, turns });
    const end = useRef<HTMLDivElement>(null);

    const { run, start, stop, reset } = useRun((ended) => {
        setFaults(byField(ended.faults).fields);
        setTurns(asked(ended, sent.current.turns));
        const ms = (ended.ended ?? 0) - (ended.sent ?? ended.ended ?? 0);
        const words = sent.current.turns[sent.current.turns.length - 1]?.content.slice(0, 80) ?? '';
        remember({ capability: name, phase: ended.phase, ms }, sent.current.drafts, words);
    });
    const busy = isBusy(run);
    const words = textOf(run);

    useEffect(() => {
        const texts = pastRun(past)?.texts;
        if (!texts) return;
        const kept = turnsOf(String(texts['messages'] ?? ''));
        setSystem(kept.system);
        setTurns(kept.turns);
        setDrafts((before) => ({ ...before, ...texts }));
    }, [past]);
    useEffect(() => {
        if (turns.length > 0) end.current?.scrollIntoView({ block: 'nearest' });
    }, [words, turns]);

    const ask = (given: Turn[]) => {
        const all: Drafts = { ...drafts, messages: JSON.stringify(messagesOf(system, given)) };
        const found = checkAll(entries, all);
        setFaults(found);
        if (Object.keys(found).length > 0) return false;
        sent.current = { drafts: all, turns: given };
        setTurns(given);
        void start(capability, entries, all);
        return true;
    };
    // Up to the last question: what was sent for the last answer.
    const question = turns.slice(0, turns.findLastIndex((turn) => turn.role === 'user') + 1);
    const again = () => { ask(question); };
    const shown = { ...drafts, messages: JSON.stringify(messagesOf(system, question)) };
    return (
        <div className="chat">
            <section className="chat-main" aria-label={t('chat.title')}>
                {turns.length === 0 && <p className="chat-empty quiet">{t('chat.empty')}</p>}
                <ol className="turns" aria-live="polite" aria-busy={busy}>
                    {turns.map((turn, at) => <ChatTurn key={at} turn={turn} />)}
                    {busy && <ChatTurn turn={{ role: 'assistant', content: words }} live />}
                </ol>
                {run.phase === 'failed' && run.error && (
                    <Notice tone="bad" icon="cross"><strong>{run.error.message}</strong> <code>{run.error.code}</code></Notice>
                )}
                <div ref={end} />
                <ChatComposer busy={busy} onSend={(text) => ask([...turns, { role: 'user', content: text }])} onStop={stop}>
                    {turns.length > 0 && !busy && (
                        <>
                            <Button small look="plain" icon="retry" onClick={again}>{t('chat.again')}</Button>
                            <Button small look="plain" onClick={() => { setTurns([]); reset(); }}>{t('chat.clear')}</Button>
                        </>
                    )}
                </ChatComposer>
                <CodePanel call={{ capability: name, entries, drafts: shown, clientUrl, stream: true }} />
            </section>
            <aside className="chat-settings" aria-label={t('form.parameters')}>
                <div className="field">
                    <label className="field-label" htmlFor="system">{t('chat.system')}</label>
                    <textarea
                        id="system" className="input" rows={4} value={system} placeholder={t('chat.system_hint')}
                        onChange={(event) => { setSystem(event.target.value); }}
                    />
                </div>
                {settings.map((entry) => (
                    <Field
                        key={entry.name} entry={entry} draft={drafts[entry.name] ?? ''} fault={faults[entry.name]}
                        onChange={(draft) => { setDrafts((before) => ({ ...before, [entry.name]: draft })); }}
                    />
                ))}
            </aside>
        </div>
    );
}

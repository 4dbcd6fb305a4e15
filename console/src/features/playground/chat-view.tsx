import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Capability } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Notice } from '../../ui/controls';
import { ChatComposer } from './chat-composer';
import { answerOf, askedFor, messagesOf, type Turn } from './chat-model';
import { ChatSettings, steers } from './chat-settings';
import { ChatTurn } from './chat-turns';
import { CodePanel } from './code-panel';
import { useConversation } from './conversation';
import { byField, checkAll, type Fault } from './form-check';
import { emptyDrafts, entriesOf, type Drafts } from './form-model';
import { isBusy } from './run-state';
import { useRun } from './use-run';

/** How far the end of an answer may be out of sight, in pixels, and still be followed. */
const mostBelow = 240;

/** By what /v1 knows this version: the model's id, unless a newer version has taken it. */
function modelOf({ name, version, versions, model }: Capability): string {
    return versions[0] === version ? model ?? name : `${name}@${version}`;
}

export function ChatView({ capability, clientUrl }: { capability: Capability; clientUrl: string }) {
    const t = useT();
    const name = `${capability.name}@${capability.version}`;
    const entries = useMemo(() => entriesOf(capability.interface), [capability]);
    const [{ system, turns, settings }, update] = useConversation(name);
    const drafts = useMemo<Drafts>(() => ({ ...emptyDrafts(entries), ...settings }), [entries, settings]);
    const [faults, setFaults] = useState<Record<string, Fault>>({});
    const asked = useRef(turns);
    const end = useRef<HTMLDivElement>(null);
    const composer = useRef<HTMLTextAreaElement>(null);

    const { run, start, stop, reset } = useRun((ended) => {
        setFaults(byField(ended.faults).fields);
        const answer = answerOf(ended);
        if (answer) update((now) => ({ ...now, turns: [...asked.current, answer] }));
    });
    const busy = isBusy(run);
    const words = typeof run.output['text'] === 'string' ? run.output['text'] : '';
    useEffect(() => {
        if (turns.length > 0) end.current?.scrollIntoView({ block: 'nearest' });
    }, [turns.length]);
    useEffect(() => {
        // Who has scrolled up to read is left there.
        const below = (end.current?.getBoundingClientRect().top ?? 0) - window.innerHeight;
        if (words !== '' && below < mostBelow) end.current?.scrollIntoView({ block: 'nearest' });
    }, [words]);

    const sendable = (given: Turn[]): Drafts => ({ ...drafts, messages: JSON.stringify(messagesOf(system, given)) });
    const ask = (given: Turn[]) => {
        const all = sendable(given);
        const found = checkAll(entries, all);
        setFaults(found);
        if (Object.keys(found).length > 0) return false;
        asked.current = given;
        update((now) => ({ ...now, turns: given }));
        void start(capability, entries, all);
        composer.current?.focus();
        return true;
    };
    const clear = useCallback(() => {
        update((now) => ({ ...now, turns: [] }));
        reset();
    }, [update, reset]);
    const say = (content: string): Turn => ({ role: 'user', content });
    const unanswered = !busy && turns[turns.length - 1]?.role === 'user';
    const others = byField(run.faults).others;
    return (
        <div className="chat">
            <section className="chat-main" aria-label={t('chat.title')}>
                {turns.length === 0 && <p className="chat-empty quiet">{t('chat.empty')}</p>}
                <ol className="turns" aria-live="polite" aria-busy={busy}>
                    {turns.map((turn, at) => (
                        <ChatTurn
                            key={at} turn={turn} still={!busy}
                            again={() => { ask(askedFor(turns, at)); }}
                            edit={(text) => ask([...turns.slice(0, at), say(text)])}
                        />
                    ))}
                    {busy && <ChatTurn turn={{ role: 'assistant', content: words }} live />}
                </ol>
                {run.phase === 'failed' && run.error && (
                    <Notice tone="bad" icon="cross">
                        <strong>{run.error.message}</strong> <code>{run.error.code}</code>
                        {others.map((each) => <p key={each.path} className="small">{each.path}: {each.rule} {each.limit}</p>)}
                    </Notice>
                )}
                <div ref={end} />
                <ChatComposer
                    field={composer} busy={busy} onSend={(text) => ask([...turns, say(text)])} onStop={stop}
                    onClear={turns.length > 0 ? clear : undefined}
                >
                    {unanswered && (
                        <Button small look="plain" icon="retry" onClick={() => { ask(turns); }}>{t('chat.again')}</Button>
                    )}
                </ChatComposer>
                <CodePanel call={{
                    capability: name, entries: entries.filter((entry) => entry.name === 'messages' || steers(entry)),
                    drafts: sendable(askedFor(turns, turns.length)), clientUrl, stream: true, model: modelOf(capability),
                }} />
            </section>
            <ChatSettings
                entries={entries} drafts={drafts} faults={faults} system={system}
                onSystem={(text) => { update((now) => ({ ...now, system: text })); }}
                onChange={(field, text) => {
                    update((now) => ({ ...now, settings: { ...now.settings, [field]: text } }));
                    setFaults((before) => Object.fromEntries(Object.entries(before).filter(([key]) => key !== field)));
                }}
                onReset={() => { update((now) => ({ ...now, settings: {} })); setFaults({}); }}
            />
        </div>
    );
}

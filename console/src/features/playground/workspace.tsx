import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import type { Capability } from '../../api/types';
import { useT } from '../../i18n';
import { Empty, Notice } from '../../ui/controls';
import { CapabilityForm } from './capability-form';
import { CodePanel } from './code-panel';
import { byField, checkAll, type Fault } from './form-check';
import { emptyDrafts, entriesOf, type Drafts } from './form-model';
import { pastRun, remember } from './history';
import { LiveBar, useLive } from './live-bar';
import { liveEntry, rateOf } from './live-feed';
import { ResultView } from './result-view';
import { isBusy, type Run } from './run-state';
import { useRun } from './use-run';

/** The drafts of a past run laid over the defaults; fields that are gone by now are left out. */
function draftsFrom(empty: Drafts, id: string | null): Drafts {
    const texts = pastRun(id)?.texts ?? {};
    return { ...empty, ...Object.fromEntries(Object.entries(texts).filter(([name]) => name in empty)) };
}

function faultsOf(run: Run): Record<string, Fault> {
    return byField(run.faults).fields;
}

/** A form made from the interface on the left, what came back on the right. */
export function Workspace({ capability, clientUrl }: { capability: Capability; clientUrl: string }) {
    const t = useT();
    const name = `${capability.name}@${capability.version}`;
    const [search] = useSearchParams();
    const location = useLocation();
    const navigate = useNavigate();
    const entries = useMemo(() => entriesOf(capability.interface), [capability]);
    const past = search.get('run');
    const [drafts, setDrafts] = useState<Drafts>(() => draftsFrom(emptyDrafts(entries), past));
    const [faults, setFaults] = useState<Record<string, Fault>>({});
    const sent = useRef(drafts);
    const live = useMemo(() => liveEntry(capability.mode, entries), [capability, entries]);
    const { heard, listen, finish } = useLive();

    const { run, start, stop, reset } = useRun((ended) => {
        finish();
        setFaults(faultsOf(ended));
        const ms = (ended.ended ?? 0) - (ended.sent ?? ended.ended ?? 0);
        remember({ capability: name, phase: ended.phase, ms }, sent.current);
    });

    const launch = useCallback((given: Drafts) => {
        const found = checkAll(entries, given);
        setFaults(found);
        if (Object.keys(found).length > 0) return;
        sent.current = given;
        void start(capability, entries, given);
    }, [capability, entries, start]);
    const speak = () => {
        if (!live) return;
        const found = checkAll(entries.filter((entry) => entry !== live), drafts);
        setFaults(found);
        if (Object.keys(found).length > 0) return;
        sent.current = { ...drafts, [live.name]: [] };
        void start(capability, entries, drafts, listen(rateOf(live)));
    };

    useEffect(() => {
        if (past === null) return;
        const filled = draftsFrom(emptyDrafts(entries), past);
        setDrafts(filled);
        setFaults({});
        const again = (location.state as { start?: boolean } | null)?.start === true;
        if (!again) return;
        // Once: a reload of the page must not run it another time.
        void navigate(location.pathname + location.search, { replace: true, state: null });
        launch(filled);
    }, [past, entries, launch, location, navigate]);

    const busy = isBusy(run);
    const others = byField(run.faults).others;
    return (
        <div className="workspace">
            <section aria-label={t('form.title')} className="workspace-form">
                <CapabilityForm
                    entries={entries} drafts={drafts} faults={faults} busy={busy} onStop={stop}
                    onRun={() => { launch(drafts); }} onLive={live && speak}
                    onReset={() => { setDrafts(emptyDrafts(entries)); setFaults({}); reset(); }}
                    onChange={(field, draft) => {
                        setDrafts((before) => ({ ...before, [field]: draft }));
                        setFaults((before) => Object.fromEntries(Object.entries(before).filter(([key]) => key !== field)));
                    }}
                >
                    {heard && <LiveBar heard={heard} onFinish={finish} />}
                </CapabilityForm>
            </section>
            <section aria-label={t('result.title')} className="workspace-result">
                {others.length > 0 && (
                    <Notice tone="bad">{others.map((each) => `${each.path}: ${each.rule} ${each.limit ?? ''}`).join('; ')}</Notice>
                )}
                <ResultView run={run} empty={<Empty title={t('result.empty')} />} />
            </section>
            <CodePanel call={{
                capability: name, entries, drafts, clientUrl, session: capability.mode === 'stream',
                stream: Object.values(capability.interface.outputs ?? {}).some((output) => output.stream),
            }} />
        </div>
    );
}

import { useEffect, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { onThisOrigin } from '../../api/routes';
import { useT, type Key } from '../../i18n';
import { Badge, CopyButton, Notice } from '../../ui/controls';
import { duration } from '../../ui/format';
import { JsonTree, ValueView } from '../../ui/value-view';
import { isBusy, timingOf, tokensOf, type Phase, type Run } from './run-state';

const looks: Record<Exclude<Phase, 'idle'>, { tone: 'good' | 'bad' | 'run' | 'wait'; icon: 'check' | 'cross' | 'spin' | 'stop' }> = {
    uploading: { tone: 'run', icon: 'spin' },
    waiting: { tone: 'wait', icon: 'spin' },
    running: { tone: 'run', icon: 'spin' },
    done: { tone: 'good', icon: 'check' },
    failed: { tone: 'bad', icon: 'cross' },
    stopped: { tone: 'wait', icon: 'stop' },
};

/** The page's clock while something runs. */
function useTicks(active: boolean): number {
    const [now, setNow] = useState(() => performance.now());
    useEffect(() => {
        if (!active) return;
        const timer = setInterval(() => { setNow(performance.now()); }, 100);
        return () => { clearInterval(timer); };
    }, [active]);
    return now;
}

export function Timing({ run }: { run: Run }) {
    const t = useT();
    const now = useTicks(isBusy(run));
    const timing = timingOf(run, now);
    if (!timing) return null;
    const tokens = tokensOf(run.job?.usage?.meters);
    const facts: [Key, string | undefined][] = [
        ['timing.queue', timing.queue === undefined ? undefined : duration(timing.queue)],
        ['timing.first', timing.first === undefined ? undefined : duration(timing.first)],
        ['timing.total', duration(timing.total)],
        ['timing.tokens', tokens === undefined ? undefined : String(tokens)],
        ['timing.rate', timing.tokensPerSecond === undefined ? undefined : timing.tokensPerSecond.toFixed(1)],
    ];
    return (
        <dl className="timing">
            {facts.filter(([, value]) => value !== undefined).map(([key, value]) => (
                <div key={key}><dt>{t(key)}</dt><dd className="num">{value}</dd></div>
            ))}
        </dl>
    );
}

export function RunProgress({ run }: { run: Run }) {
    const t = useT();
    const fraction = run.progress?.fraction;
    if (!isBusy(run) || fraction === undefined) return null;
    return (
        <div className="run-progress">
            <div
                className="bar whole grow" role="progressbar" aria-label={t('job.progress')} aria-valuemin={0}
                aria-valuemax={100} aria-valuenow={Math.round(100 * fraction)}
            >
                <i className="busy" style={{ width: `${100 * fraction}%` }} />
            </div>
            <span className="num small">{Math.round(100 * fraction)} %</span>
            <span className="quiet small clip">{run.progress?.message}</span>
        </div>
    );
}

function Outputs({ run }: { run: Run }) {
    const t = useT();
    return Object.entries(run.output).map(([name, value]) => (
        <section key={name} className="output" aria-label={name}>
            <div className="row">
                <h3 className="grow">{name}</h3>
                <CopyButton
                    text={() => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))}
                    label={t('copy')} done={t('copied')}
                />
            </div>
            <ValueView value={value} href={onThisOrigin} label={name} />
        </section>
    ));
}

export function ResultView({ run, empty }: { run: Run; empty: ReactNode }) {
    const t = useT();
    if (run.phase === 'idle') return <>{empty}</>;
    const look = looks[run.phase];
    return (
        <div className="result" aria-busy={isBusy(run)}>
            <h2 className="hidden-text">{t('result.title')}</h2>
            <div className="result-head">
                <span aria-live="polite">
                    <Badge tone={look.tone} icon={look.icon} live={isBusy(run)}>{t(`phase.${run.phase}`)}</Badge>
                </span>
                {run.jobId && <Link className="small" to={`/jobs/${run.jobId}`}>{t('result.job')}</Link>}
            </div>
            <Timing run={run} />
            <RunProgress run={run} />
            {run.error && (
                <Notice tone="bad" icon="cross">
                    <strong>{run.error.message}</strong>
                    <p className="quiet small"><code>{run.error.code}</code></p>
                </Notice>
            )}
            <Outputs run={run} />
            {run.logs.length > 0 && (
                <details>
                    <summary className="small quiet">{t('job.logs')} ({run.logs.length})</summary>
                    <pre className="value-text mono">{run.logs.map((line) => line.message).join('\n')}</pre>
                </details>
            )}
            {run.job?.usage && (
                <details>
                    <summary className="small quiet">{t('result.usage')}</summary>
                    <JsonTree value={run.job.usage} />
                </details>
            )}
        </div>
    );
}

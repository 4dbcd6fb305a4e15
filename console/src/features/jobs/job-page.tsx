import './jobs.css';
import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router';
import { isOver, stateLook } from '../../api/job-states';
import type { Job } from '../../api/types';
import { useT, type Key } from '../../i18n';
import { Badge, CopyButton, Notice } from '../../ui/controls';
import { clock, duration } from '../../ui/format';
import { Failure, Loading } from '../../ui/page';
import { JobActions } from './job-actions';
import { useJob } from './job-live';
import { Logs } from './logs';
import { TimelineView } from './timeline';
import { ValuesView } from './values';

/** A clock that ticks only while something on the page runs. */
function useNow(running: boolean): number {
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        if (!running) return;
        const timer = setInterval(() => { setNow(Date.now()); }, 250);
        return () => { clearInterval(timer); };
    }, [running]);
    return now;
}

function factsOf(job: Job, now: number): [Key, string][] {
    const created = Date.parse(job.created_at);
    const started = job.started_at ? Date.parse(job.started_at) : undefined;
    const ended = job.finished_at ? Date.parse(job.finished_at) : now;
    const facts: [Key, string][] = [
        ['job.created', clock(created)],
        ['job.waited', duration((started ?? ended) - created)],
    ];
    if (started !== undefined) facts.push(['job.ran', duration(ended - started)]);
    if (job.attempt) facts.push(['job.attempts', String(job.attempt)]);
    return facts;
}

/** What to try, by the kind of failure. */
function hintOf(code: string, reason: string | undefined): Key {
    if (reason === 'dead') return 'hint.dead';
    if (code === 'deadline_exceeded') return 'hint.deadline';
    if (code === 'unavailable') return 'hint.unavailable';
    return 'hint.engine';
}

function ErrorNotice({ job }: { job: Job }) {
    const t = useT();
    if (!job.error) return null;
    return (
        <Notice tone="bad" icon="cross">
            <strong>{job.error.message}</strong>
            <p className="quiet small">
                <code>{job.error.code}{job.error.reason && ` · ${job.error.reason}`}</code> — {t(hintOf(job.error.code, job.error.reason))}
            </p>
        </Notice>
    );
}

export function JobPage() {
    const t = useT();
    const { id = '' } = useParams();
    const { data, error, live } = useJob(id);
    const running = data !== undefined && !isOver(data.job.state);
    const now = useNow(running);
    if (error && !data) return <Failure title={t('job.not_found', { id })} error={error} hint={t('job.not_found_hint')} />;
    if (!data) return <Loading text={t('loading')} />;
    const { job, spans, input } = data;
    const look = stateLook[job.state];
    const progress = live.progress ?? job.progress;
    const logs = live.logs.length > 0 ? live.logs : data.logs;
    const output = job.output ?? live.output;
    return (
        <article className="job">
            <header className="job-head">
                <div className="grow">
                    <p className="small"><Link to="/jobs">{t('nav.jobs')}</Link></p>
                    <div className="job-title">
                        <h1>{job.capability}</h1>
                        <Badge tone={look.tone} icon={look.icon} live={job.state === 'running'}>
                            {t(`state.${job.state}`)}
                        </Badge>
                    </div>
                    <p className="row small quiet">
                        <code className="clip">{job.id}</code>
                        <CopyButton text={job.id} label={t('job.copy_id')} done={t('copied')} />
                        {job.retry_of && <Link to={`/jobs/${job.retry_of}`}>{t('job.retry_of')}</Link>}
                    </p>
                </div>
                <JobActions job={job} />
            </header>
            <ErrorNotice job={job} />
            {running && progress?.fraction !== undefined && (
                <div className="job-progress">
                    <div
                        className="bar whole" role="progressbar" aria-label={t('job.progress')} aria-valuemin={0}
                        aria-valuemax={100} aria-valuenow={Math.round(100 * progress.fraction)}
                    >
                        <i className="busy" style={{ width: `${100 * progress.fraction}%` }} />
                    </div>
                    <span className="num">{Math.round(100 * progress.fraction)} %</span>
                    <span className="quiet">{progress.message}</span>
                </div>
            )}
            <dl className="facts-line">
                {factsOf(job, now).map(([key, value]) => (
                    <div key={key}><dt>{t(key)}</dt><dd className="num">{value}</dd></div>
                ))}
                {Object.entries(job.usage?.meters ?? {}).map(([name, value]) => (
                    <div key={name}><dt>{name}</dt><dd className="num">{Math.round(value * 100) / 100}</dd></div>
                ))}
            </dl>
            <section aria-label={t('job.timeline')}>
                <h2>{t('job.timeline')}</h2>
                <TimelineView job={job} spans={spans} now={now} />
            </section>
            <div className="job-columns">
                <section aria-label={t('job.output')}>
                    <h2>{t('job.output')}</h2>
                    {Object.keys(output).length > 0
                        ? <ValuesView values={output} />
                        : <p className="quiet">{running ? t('job.no_output_yet') : t('job.no_output')}</p>}
                    {input && <><h2>{t('job.input')}</h2><ValuesView values={input} /></>}
                </section>
                <section aria-label={t('job.logs')}>
                    <h2>{t('job.logs')}</h2>
                    <Logs lines={logs} live={running} />
                </section>
            </div>
        </article>
    );
}

import { Link } from 'react-router';
import { stateLook } from '../../api/job-states';
import type { Job } from '../../api/types';
import { useT } from '../../i18n';
import { Icon } from '../../ui/icon';
import { clock, duration } from '../../ui/format';

function Row({ job, now }: { job: Job; now: number }) {
    const t = useT();
    const look = stateLook[job.state];
    const fraction = job.progress?.fraction;
    const since = Date.parse(job.started_at ?? job.created_at);
    return (
        <li>
            <Link to={`/jobs/${job.id}`} className="recent-row">
                <span className={`tone-${look.tone}`}>
                    <Icon name={look.icon} className={job.state === 'running' ? 'spin' : undefined} />
                </span>
                <span className="recent-name clip">
                    {job.capability}
                    {job.error && <span className="quiet"> {job.error.message}</span>}
                    {job.state === 'running' && job.progress?.message && (
                        <span className="quiet"> {job.progress.message}</span>
                    )}
                </span>
                {job.state === 'running' && fraction !== undefined && (
                    <span className="bar whole recent-bar" aria-hidden="true">
                        <i className="busy" style={{ width: `${100 * fraction}%` }} />
                    </span>
                )}
                <span className="num quiet small">
                    {job.state === 'running' ? duration(now - since) : clock(job.finished_at ?? job.created_at)}
                </span>
                <span className="hidden-text">{t(`state.${job.state}`)}</span>
            </Link>
        </li>
    );
}

export function RecentJobs({ title, empty, jobs, now, more }: {
    title: string; empty: string; jobs: Job[]; now: number; more: string;
}) {
    const t = useT();
    return (
        <section aria-label={title}>
            <div className="section-head">
                <h2 className="grow">{title}</h2>
                <Link className="small" to={more}>{t('jobs.all')}</Link>
            </div>
            {jobs.length === 0
                ? <p className="recent-empty quiet">{empty}</p>
                : <ul className="recent">{jobs.map((job) => <Row key={job.id} job={job} now={now} />)}</ul>}
        </section>
    );
}

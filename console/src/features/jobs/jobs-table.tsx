import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { stateLook } from '../../api/job-states';
import type { Job } from '../../api/types';
import { useT } from '../../i18n';
import { Badge } from '../../ui/controls';
import { clock, duration } from '../../ui/format';

function ran(job: Job): string {
    if (!job.started_at) return '–';
    const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
    return duration(end - Date.parse(job.started_at));
}

function waited(job: Job): string {
    const until = job.started_at ?? job.finished_at;
    return duration((until ? Date.parse(until) : Date.now()) - Date.parse(job.created_at));
}

/** `j` and `k` walk the rows, Enter opens one: the row's link has the focus, so the browser does the rest. */
export function JobsTable({ jobs, open }: { jobs: Job[]; open: (id: string) => void }) {
    const t = useT();
    const body = useRef<HTMLTableSectionElement>(null);
    useEffect(() => {
        const walk = (event: KeyboardEvent) => {
            if ((event.key !== 'j' && event.key !== 'k') || event.ctrlKey || event.metaKey || event.altKey) return;
            if (event.target instanceof HTMLElement && event.target.closest('input, textarea, select')) return;
            const links = [...(body.current?.querySelectorAll<HTMLElement>('a') ?? [])];
            const at = links.findIndex((link) => link === document.activeElement);
            const next = event.key === 'j' ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
            links[next]?.focus();
        };
        document.addEventListener('keydown', walk);
        return () => { document.removeEventListener('keydown', walk); };
    }, []);
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('nav.jobs')}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('job.id')}</th>
                        <th scope="col">{t('jobs.state')}</th>
                        <th scope="col">{t('queue.capability')}</th>
                        <th scope="col" className="right">{t('job.created')}</th>
                        <th scope="col" className="right">{t('job.waited')}</th>
                        <th scope="col" className="right">{t('job.ran')}</th>
                        <th scope="col" className="right">{t('job.attempts')}</th>
                        <th scope="col">{t('job.error')}</th>
                    </tr>
                </thead>
                <tbody ref={body}>
                    {jobs.map((job) => {
                        const look = stateLook[job.state];
                        return (
                            <tr key={job.id} className="link" onClick={() => { open(job.id); }}>
                                <td>
                                    <Link
                                        to={`/jobs/${job.id}`} className="mono" title={job.id}
                                        onClick={(event) => { event.stopPropagation(); }}
                                    >
                                        …{job.id.slice(-12)}
                                    </Link>
                                </td>
                                <td>
                                    <Badge tone={look.tone} icon={look.icon} live={job.state === 'running'}>
                                        {t(`state.${job.state}`)}
                                    </Badge>
                                </td>
                                <td>{job.capability}</td>
                                <td className="right">{clock(job.created_at)}</td>
                                <td className="right">{waited(job)}</td>
                                <td className="right">{ran(job)}</td>
                                <td className="right">{job.attempt ?? '–'}</td>
                                <td className="jobs-error clip quiet" title={job.error?.message}>{job.error?.message}</td>
                            </tr>
                        );
                    })}
                </tbody>
            </table>
        </div>
    );
}

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';
import { isOver } from '../../api/job-states';
import { jobs } from '../../api/routes';
import type { Job } from '../../api/types';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';

export function JobActions({ job }: { job: Job }) {
    const t = useT();
    const client = useQueryClient();
    const navigate = useNavigate();
    const cancel = useMutation({
        mutationFn: () => jobs.cancel(job.id),
        onSettled: () => client.invalidateQueries({ queryKey: ['timeline', job.id] }),
    });
    const retry = useMutation({
        mutationFn: () => jobs.retry(job.id),
        onSuccess: (next) => navigate(`/jobs/${next.id}`),
    });
    const error = cancel.error ?? retry.error;
    return (
        <div className="job-actions">
            {!isOver(job.state) && (
                <Button icon="stop" disabled={cancel.isPending} onClick={() => { cancel.mutate(); }}>
                    {cancel.isSuccess ? t('job.cancelling') : t('job.cancel')}
                </Button>
            )}
            {isOver(job.state) && job.state !== 'succeeded' && (
                <Button icon="retry" disabled={retry.isPending} onClick={() => { retry.mutate(); }}>
                    {t('job.retry')}
                </Button>
            )}
            <Link className="button plain" to={`/playground/${job.capability}`}>{t('job.open_playground')}</Link>
            {error && <p className="tone-bad small" role="alert">{error.message}</p>}
        </div>
    );
}

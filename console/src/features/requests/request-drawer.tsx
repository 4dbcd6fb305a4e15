import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { LoggedCall } from '../../api/request-types';
import { useT } from '../../i18n';
import { Dialog } from '../../ui/controls';
import { clock, count, duration } from '../../ui/format';
import { OutcomeOf } from './outcome';
import { Words } from './words';

function Facts({ facts }: { facts: [string, ReactNode][] }) {
    return (
        <dl className="req-facts">
            {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
        </dl>
    );
}

/** Where it ran, and what it took: of a call that had a job. */
function Work({ call }: { call: LoggedCall }) {
    const t = useT();
    const time = (ms: number | undefined) => (ms === undefined ? <span className="quiet">{t('none')}</span> : duration(ms));
    const tokens = (n: number | undefined) => count(n ?? 0);
    return (
        <>
            <h3>{t('req.times')}</h3>
            <Facts
                facts={[
                    [t('req.queued'), time(call.queue_ms)], [t('req.first'), time(call.first_token_ms)],
                    [t('req.rest'), time(call.rest_ms)], [t('req.total'), time(call.total_ms)],
                ]}
            />
            <h3>{t('usage.all_tokens')}</h3>
            <Facts
                facts={[
                    [t('req.prompt_tokens'), tokens(call.prompt_tokens)], [t('req.cached_tokens'), tokens(call.cached_tokens)],
                    [t('req.completion_tokens'), tokens(call.completion_tokens)],
                ]}
            />
            <Words title={t('req.asked')} text={call.request} whole={call.request_bytes} />
            {call.operation === 'chat' && <Words title={t('req.answered')} text={call.answer} whole={call.answer_bytes} />}
        </>
    );
}

function Job({ id, call, home }: { id: string; call: LoggedCall; home: string }) {
    const t = useT();
    return (
        <span>
            <code>{id}</code> {call.tenant === home && <Link to={`/jobs/${id}`}>{t('req.job_link')}</Link>}
            {call.tenant !== home && <span className="quiet small req-note">{t('req.job_other')}</span>}
            {!call.durable && <span className="quiet small req-note">{t('req.job_gone')}</span>}
        </span>
    );
}

/** One call: all that its line tells. `home`: the tenant of who looks, whose jobs alone they see. */
export function RequestDrawer({ call, home, onClose }: { call: LoggedCall; home: string; onClose: () => void }) {
    const t = useT();
    const none = <span className="quiet">{t('none')}</span>;
    const { job } = call;
    const where: [string, ReactNode][] = job === undefined ? [] : [
        [t('req.upstream'), call.upstream ?? t('req.engine')],
        [t('req.attempts'), count(call.attempts ?? 0)],
    ];
    return (
        <Dialog drawer title={t('req.details', { model: call.model })} open onClose={onClose} close={t('close')}>
            <p><OutcomeOf call={call} /></p>
            <Facts
                facts={[
                    [t('req.at'), clock(call.at)],
                    [t('req.job'), job === undefined ? t('req.job_none') : <Job key="job" id={job} call={call} home={home} />],
                    ...(call.trace ? [[t('req.id'), <code key="id">req_{call.trace}</code>] as [string, ReactNode]] : []),
                    [t('req.tenant'), call.tenant],
                    [t('req.key'), <span key="key">{call.key_name} <code className="quiet">{call.key}</code></span>],
                    [t('req.app'), call.app ?? none],
                    [t('req.user'), call.user ?? none],
                    [t('req.capability'), call.capability ?? none],
                    [t('req.operation'), call.operation],
                    ...where,
                    ...(call.code ? [[t('req.code'), <code key="code">{call.code}</code>] as [string, ReactNode]] : []),
                    ...(call.status ? [[t('req.status'), String(call.status)] as [string, ReactNode]] : []),
                    ...(call.message ? [[t('req.message'), call.message] as [string, ReactNode]] : []),
                ]}
            />
            {job !== undefined && <Work call={call} />}
        </Dialog>
    );
}

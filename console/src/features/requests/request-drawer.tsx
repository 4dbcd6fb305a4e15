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

/** One call: all that its line tells. `home`: the tenant of who looks, whose jobs alone they see. */
export function RequestDrawer({ call, home, onClose }: { call: LoggedCall; home: string; onClose: () => void }) {
    const t = useT();
    const none = <span className="quiet">{t('none')}</span>;
    const time = (ms: number | undefined) => (ms === undefined ? none : duration(ms));
    return (
        <Dialog drawer title={t('req.details', { model: call.model })} open onClose={onClose} close={t('close')}>
            <p><OutcomeOf call={call} /></p>
            <Facts
                facts={[
                    [t('req.at'), clock(call.at)],
                    [t('req.job'), (
                        <span key="job">
                            <code>{call.job}</code> {call.tenant === home && <Link to={`/jobs/${call.job}`}>{t('req.job_link')}</Link>}
                            {call.tenant !== home && <span className="quiet small req-note">{t('req.job_other')}</span>}
                            {!call.durable && <span className="quiet small req-note">{t('req.job_gone')}</span>}
                        </span>
                    )],
                    [t('req.tenant'), call.tenant],
                    [t('req.key'), <span key="key">{call.key_name} <code className="quiet">{call.key}</code></span>],
                    [t('req.app'), call.app ?? none],
                    [t('req.user'), call.user ?? none],
                    [t('req.capability'), call.capability],
                    [t('req.operation'), call.operation],
                    [t('req.upstream'), call.upstream ?? t('req.engine')],
                    [t('req.attempts'), count(call.attempts)],
                    ...(call.code ? [[t('req.code'), <code key="code">{call.code}</code>] as [string, ReactNode]] : []),
                    ...(call.status ? [[t('req.status'), String(call.status)] as [string, ReactNode]] : []),
                ]}
            />
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
                    [t('req.prompt_tokens'), count(call.prompt_tokens)], [t('req.cached_tokens'), count(call.cached_tokens)],
                    [t('req.completion_tokens'), count(call.completion_tokens)],
                ]}
            />
            <Words title={t('req.asked')} text={call.request} whole={call.request_bytes} />
            {call.operation === 'chat' && <Words title={t('req.answered')} text={call.answer} whole={call.answer_bytes} />}
        </Dialog>
    );
}

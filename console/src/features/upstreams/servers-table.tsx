import type { Upstream } from '../../api/upstream-types';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { count } from '../../ui/format';
import { Ago, State } from './state';
import { idOf, mostConcurrent } from './upstream-model';

export type UpstreamAct = 'test' | 'edit' | 'switch' | 'remove';
export type OnUpstream = (act: UpstreamAct, upstream: Upstream) => void;

function Actions({ subject, onUpstream }: { subject: Upstream; onUpstream: OnUpstream }) {
    const t = useT();
    const { name, enabled } = subject;
    const switching = enabled ? 'disable' : 'enable';
    const actions: [UpstreamAct, string, string][] = [
        ['test', t('up.test'), t('up.test_one', { name })],
        ['edit', t('form.edit'), t('up.edit_one', { name })],
        ['switch', t(`up.${switching}`), t(`up.${switching}_one`, { name })],
        ['remove', t('form.delete'), t('up.remove_one', { name })],
    ];
    return actions.map(([act, text, label]) => (
        <Button key={act} small look="plain" aria-label={label} onClick={() => { onUpstream(act, subject); }}>{text}</Button>
    ));
}

function Row({ subject, onUpstream }: { subject: Upstream; onUpstream: OnUpstream | undefined }) {
    const t = useT();
    const { health } = subject;
    const tokens = health.prompt_tokens + health.completion_tokens;
    return (
        <tr className={subject.enabled ? undefined : 'is-over'}>
            <td>
                <strong className="up-name clip" title={subject.name}>{subject.name}</strong>
                <span className="quiet small">{subject.tenant} · {t(`up.kind_${subject.kind}`)}</span>
            </td>
            <td>
                <code className="up-text clip" title={subject.base_url}>{subject.base_url}</code>
                <div className="up-text clip small quiet" title={subject.models.map(({ id }) => id).join(', ')}>
                    {subject.models.map(({ id }) => id).join(', ')}
                </div>
            </td>
            <td><State health={health} /></td>
            <td className="right">
                {subject.weight}
                <div className="small quiet" title={t('up.priority')}>{subject.priority}</div>
            </td>
            <td className="right"><span className="num">{health.in_flight}<span className="quiet">/{subject.concurrency || mostConcurrent}</span></span></td>
            <td className={`right${health.calls === 0 ? ' zero' : ''}`}>
                {count(health.calls)}
                {health.failures > 0 && <div className="small tone-bad">{t('up.failures_of', { failures: count(health.failures) })}</div>}
            </td>
            <td
                className={`right${tokens === 0 ? ' zero' : ''}`}
                title={t('up.tokens_of', { prompt: count(health.prompt_tokens), completion: count(health.completion_tokens) })}
            >
                {count(tokens)}
            </td>
            <td><Ago at={health.last_ok_at} /></td>
            {onUpstream && <td className="actions"><Actions subject={subject} onUpstream={onUpstream} /></td>}
        </tr>
    );
}

/** Without `onUpstream` for who may look and not change. */
export function ServersTable({ upstreams, onUpstream }: { upstreams: Upstream[]; onUpstream: OnUpstream | undefined }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('up.servers')}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('up.name')}</th>
                        <th scope="col">{t('up.base_url')}</th>
                        <th scope="col">{t('up.state')}</th>
                        <th scope="col" className="right">{t('up.weight')}<div className="small quiet">{t('up.priority')}</div></th>
                        <th scope="col" className="right">{t('up.in_flight')}</th>
                        <th scope="col" className="right">{t('up.calls')}</th>
                        <th scope="col" className="right">{t('up.tokens')}</th>
                        <th scope="col">{t('up.last_ok')}</th>
                        {onUpstream && <th scope="col" className="actions"><span className="hidden-text">{t('key.actions')}</span></th>}
                    </tr>
                </thead>
                <tbody>
                    {upstreams.map((each) => <Row key={idOf(each)} subject={each} onUpstream={onUpstream} />)}
                </tbody>
            </table>
        </div>
    );
}

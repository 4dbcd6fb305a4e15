import type { LoggedCall } from '../../api/request-types';
import { useT } from '../../i18n';
import { clock, count, duration } from '../../ui/format';
import { OutcomeOf } from './outcome';
import { idOf } from './request-model';

function Row({ call, tenants, open }: { call: LoggedCall; tenants: boolean; open: () => void }) {
    const t = useT();
    const time = clock(call.at);
    const key = call.key_name ?? call.key;
    return (
        <tr className="link" onClick={open}>
            <td>
                <button
                    type="button" className="req-open num" aria-label={t('req.open', { time })}
                    onClick={(event) => { event.stopPropagation(); open(); }}
                >
                    {time}
                </button>
            </td>
            <td className="req-text clip" title={call.model}>{call.model}</td>
            <td><OutcomeOf call={call} /></td>
            {tenants && <td>{call.tenant}</td>}
            <td className="req-text clip" title={call.key}>{key}</td>
            <td className="req-text clip">{call.app ?? <span className="quiet">–</span>}</td>
            <td className="req-text clip">{call.upstream ?? <span className="quiet">–</span>}</td>
            <td className="right">{call.job ? `${count(call.prompt_tokens ?? 0)} · ${count(call.completion_tokens ?? 0)}` : '–'}</td>
            <td className="right">{call.first_token_ms === undefined ? '–' : duration(call.first_token_ms)}</td>
            <td className="right">{call.total_ms === undefined ? '–' : duration(call.total_ms)}</td>
        </tr>
    );
}

export function RequestsTable({ calls, tenants, open }: { calls: LoggedCall[]; tenants: boolean; open: (call: LoggedCall) => void }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('nav.requests')}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('req.at')}</th>
                        <th scope="col">{t('req.model')}</th>
                        <th scope="col">{t('req.outcome')}</th>
                        {tenants && <th scope="col">{t('req.tenant')}</th>}
                        <th scope="col">{t('req.key')}</th>
                        <th scope="col">{t('req.app')}</th>
                        <th scope="col">{t('req.upstream')}</th>
                        <th scope="col" className="right">{t('req.tokens')}</th>
                        <th scope="col" className="right">{t('req.first')}</th>
                        <th scope="col" className="right">{t('req.total')}</th>
                    </tr>
                </thead>
                <tbody>
                    {calls.map((call) => <Row key={idOf(call)} call={call} tenants={tenants} open={() => { open(call); }} />)}
                </tbody>
            </table>
        </div>
    );
}

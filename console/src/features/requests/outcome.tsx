import { stateLook } from '../../api/job-states';
import type { LoggedCall } from '../../api/request-types';
import { useT } from '../../i18n';
import { Badge } from '../../ui/controls';

/** How a call ended. The number says more than the state where an upstream refused, whose answer the job brought, or we did. */
export function OutcomeOf({ call }: { call: LoggedCall }) {
    const t = useT();
    const { outcome, status = 0 } = call;
    const ours = outcome === 'refused';
    const look = ours ? stateLook.expired : status >= 400 ? stateLook.failed : stateLook[outcome];
    return (
        <Badge tone={look.tone} icon={look.icon}>
            {ours || status >= 400 ? `HTTP ${status}` : t(`state.${outcome}`)}
            {call.code && ` · ${call.code}`}
        </Badge>
    );
}

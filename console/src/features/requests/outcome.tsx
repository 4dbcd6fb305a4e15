import { stateLook } from '../../api/job-states';
import type { LoggedCall } from '../../api/request-types';
import { useT } from '../../i18n';
import { Badge } from '../../ui/controls';

/** How a call ended: an upstream's refusal is an answer that its job brought, so the number says more than the state. */
export function OutcomeOf({ call }: { call: LoggedCall }) {
    const t = useT();
    const refused = call.status !== undefined && call.status >= 400;
    const look = refused ? stateLook.failed : stateLook[call.outcome];
    return (
        <Badge tone={look.tone} icon={look.icon}>
            {refused ? `HTTP ${call.status}` : t(`state.${call.outcome}`)}
            {call.code && ` · ${call.code}`}
        </Badge>
    );
}

import type { UpstreamHealth } from '../../api/upstream-types';
import { useT } from '../../i18n';
import { Badge } from '../../ui/controls';
import { brief, clock } from '../../ui/format';
import { stateLook } from './upstream-model';

/** The circuit: its state, and why it is not closed and when it is tried again, or else the last error. */
export function State({ health }: { health: UpstreamHealth }) {
    const t = useT();
    const look = stateLook[health.state];
    const why = [health.reason, health.until && t('up.until', { time: clock(health.until) })].filter(Boolean).join(' · ');
    const text = why || health.last_error;
    return (
        <>
            <Badge tone={look.tone} icon={look.icon}>{t(`up.state_${health.state}`)}</Badge>
            {text && (
                <div className="small quiet up-why">
                    <span className="clip" title={text}>{text}</span>
                    {!why && <Ago at={health.last_error_at} />}
                </div>
            )}
        </>
    );
}

/** A moment as how long ago it was, in the server's own time where it is told. */
export function Ago({ at }: { at: string | undefined }) {
    const t = useT();
    if (!at) return <span className="quiet">{t('up.never')}</span>;
    return <span title={clock(at)}>{t('up.ago', { time: brief((Date.now() - Date.parse(at)) / 1000) })}</span>;
}

import type { Job, Span } from '../../api/types';
import { useT, type Translate } from '../../i18n';
import { duration } from '../../ui/format';
import { layOut, marks } from './waterfall';

function nameOf(span: Span, t: Translate): string {
    return span.name === 'attempt' ? t('span.attempt', { n: '', k: span.attempt ?? 1 }) : t(`span.${span.name}`);
}

function errorOf(span: Span): string {
    return typeof span.error === 'string' ? span.error : (span.error?.message ?? '');
}

/** The job's time as a waterfall: where it waited, who ran it, what went wrong. */
export function TimelineView({ job, spans, now }: { job: Job; spans: Span[]; now: number }) {
    const t = useT();
    const { bars, total } = layOut(job, spans, now);
    return (
        <ol className="waterfall" aria-label={t('job.timeline')}>
            <li className="waterfall-axis" aria-hidden="true">
                {marks(total).map((mark) => (
                    <span key={mark} style={{ left: `${(100 * mark) / total}%` }}>{duration(mark)}</span>
                ))}
            </li>
            {bars.map(({ span, left, width, ms, open }, at) => {
                const error = errorOf(span);
                const look = error ? 'bad' : span.name;
                return (
                    <li key={at} className="waterfall-row">
                        <span className="waterfall-name">
                            {nameOf(span, t)}
                            {span.worker && <span className="quiet small clip">{span.worker}</span>}
                        </span>
                        <span className="waterfall-lane">
                            <i
                                className={`waterfall-bar is-${look}${open ? ' is-open' : ''}`}
                                style={{ left: `${left}%`, width: `${width}%` }}
                            />
                            <span
                                className={`waterfall-label num small${left + width > 70 ? ' is-inside' : ''}`}
                                style={left + width > 70 ? { right: `${100 - left - width}%` } : { left: `${left + width}%` }}
                            >
                                {duration(ms)}
                            </span>
                        </span>
                        {error && <span className="waterfall-error tone-bad small">{error}</span>}
                    </li>
                );
            })}
        </ol>
    );
}

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
                // The number stands behind its bar; near the right end inside of it, or before it when it is short.
                const place = left + width < 80 ? 'is-after' : width > 15 ? 'is-inside' : 'is-before';
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
                                className={`waterfall-label num small is-${look} ${place}`}
                                style={place === 'is-after' ? { left: `${left + width}%` } : { right: `${100 - (place === 'is-inside' ? left + width : left)}%` }}
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

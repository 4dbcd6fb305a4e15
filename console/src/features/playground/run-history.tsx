import { Link } from 'react-router';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { clock, duration } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useHistory } from './history';

const shown = 12;

/** What this browser ran: a link fills the form again. */
export function RunHistory() {
    const t = useT();
    const { runs, clear } = useHistory();
    if (runs.length === 0) return null;
    return (
        <section className="history" aria-label={t('history.title')}>
            <div className="row">
                <h2 className="grow small quiet">{t('history.title')}</h2>
                <Button small look="plain" onClick={clear}>{t('history.clear')}</Button>
            </div>
            <ul>
                {runs.slice(0, shown).map((run) => (
                    <li key={run.id} className="row">
                        <Link to={`/playground/${run.capability}?run=${run.id}`} title={clock(run.at)}>
                            <span className={run.phase === 'done' ? 'tone-good' : run.phase === 'failed' ? 'tone-bad' : 'tone-wait'}>
                                <Icon name={run.phase === 'done' ? 'check' : run.phase === 'failed' ? 'cross' : 'stop'} />
                            </span>
                            <span className="clip grow">
                                {run.words || <span className="quiet">{run.capability}</span>}
                            </span>
                            <span className="quiet small num">{duration(run.ms)}</span>
                            <span className="hidden-text">{run.capability}, {t(`phase.${run.phase}`)}</span>
                        </Link>
                        {!run.hadMedia && (
                            <Link
                                className="button plain icon small" aria-label={t('history.again')} title={t('history.again')}
                                to={`/playground/${run.capability}?run=${run.id}`} state={{ start: true }}
                            >
                                <Icon name="retry" />
                            </Link>
                        )}
                    </li>
                ))}
            </ul>
        </section>
    );
}

import { Link } from 'react-router';
import type { Status } from '../../api/status-types';
import { useT, type Key } from '../../i18n';
import { Icon } from '../../ui/icon';
import { bytes, count, long } from '../../ui/format';
import { findings, levelOf, type Finding } from './health';

const signs = { good: 'check', warn: 'warn', bad: 'cross' } as const;
const shown = 4;

function Reason({ finding }: { finding: Finding }) {
    const t = useT();
    const text = finding.key ? t(finding.key, finding.parameters) : finding.message;
    if (!finding.capability) return <li>{text}</li>;
    return (
        <li>
            {text}{' '}
            <Link to={`/jobs?state=queued&capability=${encodeURIComponent(finding.capability)}`}>
                {t('health.show')}
            </Link>
        </li>
    );
}

/** The answer to "is it healthy?" in one glance, with the reasons when it is not. */
export function Headline({ status }: { status: Status }) {
    const t = useT();
    const found = findings(status);
    const level = levelOf(found);
    const { server, totals } = status;
    const ready = status.workers.filter((worker) => worker.state === 'ready' || worker.state === 'busy').length;
    const facts: [Key, string][] = [['facts.version', server.version], ['facts.uptime', long(server.uptime_s)]];
    if (server.memory_bytes !== null) facts.push(['facts.memory', bytes(server.memory_bytes)]);
    if (server.cpu_percent !== null) facts.push(['facts.cpu', `${server.cpu_percent.toFixed(0)} %`]);
    if (server.connections !== null) facts.push(['facts.connections', count(server.connections)]);
    return (
        <header className="headline">
            <div className={`headline-sign tone-${level}`}><Icon name={signs[level]} /></div>
            <div className="grow">
                <h1 className={`tone-${level}`}>{t(`health.${level}`)}</h1>
                <p className="headline-sentence">
                    {t('health.workers', { n: ready })} · {t('health.running', { n: totals.running })} ·{' '}
                    {totals.queued > 0 ? t('health.queued', { n: totals.queued }) : t('health.nothing_waits')}
                </p>
                {found.length > 0 && (
                    <ul className="headline-reasons">
                        {found.slice(0, shown).map((finding, at) => <Reason key={at} finding={finding} />)}
                        {found.length > shown && <li>{t('health.more', { n: found.length - shown })}</li>}
                    </ul>
                )}
            </div>
            <dl className="facts">
                {facts.map(([name, value]) => (
                    <div key={name}><dt>{t(name)}</dt><dd className="num">{value}</dd></div>
                ))}
            </dl>
        </header>
    );
}

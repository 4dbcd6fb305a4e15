import './status.css';
import { useSearchParams } from 'react-router';
import { useT } from '../../i18n';
import { Command, Empty } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { Headline } from './headline';
import { useJobs, useSeries, useStatus } from './live';
import { Plots, windows, type Window } from './plots';
import { QueuesTable } from './queues-table';
import { RecentJobs } from './recent-jobs';
import { WorkersTable } from './workers-table';

function useWindow(): [Window, (window: Window) => void] {
    const [search, setSearch] = useSearchParams();
    const asked = Number(search.get('window'));
    const window = windows.find((value) => value === asked) ?? 900;
    return [window, (value) => { setSearch({ window: String(value) }, { replace: true }); }];
}

export function StatusPage() {
    const t = useT();
    const [window, setWindow] = useWindow();
    const status = useStatus();
    const series = useSeries(window);
    const running = useJobs('running');
    const failed = useJobs('failed');

    if (!status.data) {
        if (status.error) return <Failure title={t('status.failed')} error={status.error} hint={t('status.failed_hint')} />;
        return <Loading text={t('loading')} />;
    }
    const { queues, workers, server } = status.data;
    // The server's clock, as of its answer: the browser's may be wrong by hours.
    const now = Date.parse(server.started_at) + server.uptime_s * 1000;
    return (
        <div className="status">
            <Headline status={status.data} />
            {status.error && <p className="tone-warn small" role="status">{t('status.stale')}</p>}
            {series.data && <Plots data={series.data} live={series.live} window={window} onWindow={setWindow} />}
            <div className="status-columns">
                <section aria-label={t('queue.title')}>
                    <div className="section-head"><h2>{t('queue.title')}</h2></div>
                    {queues.length > 0 ? <QueuesTable queues={queues} /> : (
                        <Empty title={t('queue.empty')}>
                            <Command
                                text={'headrace engine new shout --kind python\nheadrace serve --engine shout'}
                                copy={t('copy')} copied={t('copied')}
                            />
                        </Empty>
                    )}
                </section>
                <section aria-label={t('worker.title')}>
                    <div className="section-head"><h2>{t('worker.title')}</h2></div>
                    {workers.length > 0 ? <WorkersTable workers={workers} now={now} /> : (
                        <Empty title={t('worker.empty')}>
                            <Command
                                text="headrace worker --connect wss://HOST:8601 --token-file KEY --engine DIR"
                                copy={t('copy')} copied={t('copied')}
                            />
                        </Empty>
                    )}
                </section>
                <RecentJobs
                    title={t('jobs.running')} empty={t('jobs.none_running')} jobs={running.data?.jobs ?? []} now={now}
                    more="/jobs?state=running"
                />
                <RecentJobs
                    title={t('jobs.failed')} empty={t('jobs.none_failed')} jobs={failed.data?.jobs ?? []} now={now}
                    more="/jobs?state=failed"
                />
            </div>
        </div>
    );
}

import './upstreams.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { upstreams } from '../../api/routes';
import type { Session } from '../../api/types';
import type { Upstream } from '../../api/upstream-types';
import { Confirm } from '../../forms/confirm';
import { useT } from '../../i18n';
import { Button, Command, Empty, Notice } from '../../ui/controls';
import { duration } from '../../ui/format';
import { Failure, Loading } from '../../ui/page';
import { FastchatTable } from './fastchat-table';
import { PoolsTable } from './pools-table';
import { ServersTable, type UpstreamAct } from './servers-table';
import { UpstreamDialog } from './upstream-dialog';
import { poolsOf, registered } from './upstream-model';

const command = 'headrace upstreams add vllm-1 --url http://10.0.0.7:8000/v1 --model Qwen/Qwen2.5-7B-Instruct';

/** Acts on a server at once, and keeps what came of it to be read. */
function useActs(changed: () => void) {
    const t = useT();
    const [told, setTold] = useState<{ good: boolean; text: string }>();
    const run = async (name: string, act: () => Promise<string | undefined>) => {
        setTold(undefined);
        try {
            const text = await act();
            if (text) setTold({ good: true, text });
        } catch (caught) {
            setTold({ good: false, text: t('up.test_bad', { name, why: caught instanceof Error ? caught.message : String(caught) }) });
        }
        changed();
    };
    const test = (each: Upstream) => run(each.name, async () => {
        const { ok, message, took_ms, models } = await upstreams.test(each);
        if (!ok) throw new Error(message ?? '');
        return t('up.test_good', { name: each.name, time: duration(took_ms), n: models.length });
    });
    const turn = (each: Upstream) => run(each.name, async () => {
        await upstreams.change(each, { enabled: !each.enabled });
        return undefined;
    });
    return { told, test, turn };
}

export function UpstreamsPage({ session, manages }: { session: Session; manages: boolean }) {
    const t = useT();
    const client = useQueryClient();
    const [open, setOpen] = useState<{ act: UpstreamAct | 'new'; upstream?: Upstream }>();
    const { data, error } = useQuery({ queryKey: ['upstreams'], queryFn: ({ signal }) => upstreams.list(signal), refetchInterval: 3_000 });
    const changed = () => { void client.invalidateQueries({ queryKey: ['upstreams'] }); };
    const { told, test, turn } = useActs(changed);
    const onUpstream = (act: UpstreamAct, upstream: Upstream) => {
        if (act === 'test') void test(upstream);
        else if (act === 'switch') void turn(upstream);
        else setOpen({ act, upstream });
    };
    const close = () => { setOpen(undefined); };
    if (error && !data) return <Failure title={t('up.list_failed')} error={error} />;
    if (!data) return <Loading text={t('loading')} />;
    const workers = data.filter(registered);
    const gone = open?.act === 'remove' ? open.upstream : undefined;
    return (
        <div className="upstreams">
            <header className="upstreams-head">
                <div className="grow">
                    <h1>{t('nav.upstreams')}</h1>
                    <p className="quiet">{t('up.intro')}</p>
                </div>
                {manages && <Button look="primary" icon="plus" onClick={() => { setOpen({ act: 'new' }); }}>{t('up.add')}</Button>}
            </header>
            {told && <Notice tone={told.good ? 'good' : 'bad'} icon={told.good ? 'check' : 'cross'}>{told.text}</Notice>}
            {data.length === 0 ? (
                <Empty title={t('up.none')}><Command text={command} copy={t('copy')} copied={t('copied')} /></Empty>
            ) : (
                <>
                    <section aria-labelledby="pools"><h2 id="pools">{t('up.pools')}</h2><PoolsTable pools={poolsOf(data)} /></section>
                    <section aria-labelledby="servers">
                        <h2 id="servers">{t('up.servers')}</h2>
                        <ServersTable upstreams={data} onUpstream={manages ? onUpstream : undefined} />
                        <p className="small quiet">{t('up.since')}</p>
                    </section>
                </>
            )}
            <section aria-labelledby="fastchat">
                <h2 id="fastchat">{t('up.fastchat')}</h2>
                {workers.length > 0 ? <FastchatTable workers={workers} /> : <p className="quiet">{t('up.no_fastchat')}</p>}
            </section>
            {(open?.act === 'new' || open?.act === 'edit') && (
                <UpstreamDialog session={session} subject={open.upstream} onDone={changed} onClose={close} />
            )}
            {gone && (
                <Confirm
                    title={t('up.remove_one', { name: gone.name })} action={t('form.delete')} onClose={close}
                    act={async () => { await upstreams.remove(gone); changed(); }}
                >
                    {t('up.remove_text')}
                </Confirm>
            )}
        </div>
    );
}

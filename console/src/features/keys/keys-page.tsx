import './keys.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { ApiKey } from '../../api/admin-types';
import { capabilities, keys } from '../../api/routes';
import type { Session } from '../../api/types';
import { Confirm } from '../../forms/confirm';
import { useT } from '../../i18n';
import { Button, Empty, Segments } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { KeyDetails, type KeyAct } from './key-details';
import { KeyDialog } from './key-dialog';
import { shownKeys } from './key-model';
import { KeysTable } from './keys-table';
import { RotateDialog } from './rotate-dialog';

export function KeysPage({ session }: { session: Session }) {
    const t = useT();
    const client = useQueryClient();
    const [search, setSearch] = useSearchParams();
    // What is open over the table, and for which key.
    const [open, setOpen] = useState<{ act: KeyAct | 'details' | 'new'; key?: ApiKey }>();
    const close = () => { setOpen(undefined); };
    // The address follows the field; the other way round, fast fingers would outrun it.
    const [words, setWords] = useState(search.get('q') ?? '');
    const { data, error } = useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => keys.list(signal), refetchInterval: 30_000 });
    const served = useQuery({ queryKey: ['capabilities'], queryFn: ({ signal }) => capabilities.list(signal) });
    const changed = useCallback(() => { void client.invalidateQueries({ queryKey: ['keys'] }); }, [client]);
    if (error) return <Failure title={t('key.list_failed')} error={error} hint={t('key.list_failed_hint')} />;
    if (!data) return <Loading text={t('loading')} />;
    const ended = search.get('show') === 'all';
    const filter = (change: { q?: string; show?: string }) => {
        const next = Object.entries({ q: words, show: ended ? 'all' : '', ...change }).filter(([, value]) => value !== '');
        setSearch(Object.fromEntries(next), { replace: true });
    };
    const shown = shownKeys(data.keys, words, ended, Date.now());
    return (
        <div className="keys-page">
            <header className="keys-head">
                <div className="grow">
                    <h1>{t('nav.keys')}</h1>
                    <p className="quiet">{t('key.intro')}</p>
                </div>
                <Button look="primary" icon="plus" disabled={served.isPending} onClick={() => { setOpen({ act: 'new' }); }}>{t('key.new')}</Button>
            </header>
            <div className="keys-filter">
                <input
                    className="input keys-search" type="search" data-search value={words} placeholder={t('key.search')}
                    aria-label={t('key.search')} autoComplete="off" onChange={({ target }) => { setWords(target.value); filter({ q: target.value }); }}
                />
                <Segments
                    label={t('key.state')} value={ended ? 'all' : ''} onChange={(show) => { filter({ show }); }}
                    options={[{ value: '', text: t('key.working') }, { value: 'all', text: t('key.all') }]}
                />
            </div>
            {shown.length === 0
                ? <Empty title={t('key.none')} />
                : <KeysTable keys={shown} tenants={session.system} onKey={(act, key) => { setOpen({ act, key }); }} />}
            {(open?.act === 'new' || open?.act === 'edit') && (
                <KeyDialog
                    key={open.key?.id} session={session} subject={open.key} served={served.data?.capabilities ?? []}
                    onDone={changed} onClose={close}
                />
            )}
            {open?.act === 'details' && open.key && (
                <KeyDetails subject={open.key} onClose={close} onAct={(act) => { setOpen({ ...open, act }); }} />
            )}
            {open?.act === 'rotate' && open.key && <RotateDialog subject={open.key} onDone={changed} onClose={close} />}
            {open?.act === 'revoke' && open.key && (
                <Confirm
                    title={t('key.revoke_one', { name: open.key.name })} action={t('key.revoke')} onClose={close}
                    act={async () => { await keys.revoke(open.key?.id ?? ''); changed(); }}
                >
                    {t('key.revoke_text')}
                </Confirm>
            )}
        </div>
    );
}

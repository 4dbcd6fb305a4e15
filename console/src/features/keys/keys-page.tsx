import './keys.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { ApiKey } from '../../api/admin-types';
import { keys } from '../../api/routes';
import type { Session } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Empty, Segments } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { KeyDialog } from './key-dialog';
import { shownKeys } from './key-model';
import { KeysTable } from './keys-table';
import { RevokeDialog } from './revoke-dialog';

export function KeysPage({ session }: { session: Session }) {
    const t = useT();
    const client = useQueryClient();
    const [search, setSearch] = useSearchParams();
    const [making, setMaking] = useState(false);
    const [revoking, setRevoking] = useState<ApiKey>();
    // The address follows the field; the other way round, fast fingers would outrun it.
    const [words, setWords] = useState(search.get('q') ?? '');
    const { data, error } = useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => keys.list(signal), refetchInterval: 30_000 });
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
                <Button look="primary" icon="plus" onClick={() => { setMaking(true); }}>{t('key.new')}</Button>
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
                : <KeysTable keys={shown} tenants={session.system} onRevoke={setRevoking} />}
            {making && <KeyDialog session={session} onMade={changed} onClose={() => { setMaking(false); }} />}
            {revoking && (
                <RevokeDialog subject={revoking} onDone={changed} onClose={() => { setRevoking(undefined); }} />
            )}
        </div>
    );
}

import './directory.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import type { Account } from '../../api/admin-types';
import { accounts } from '../../api/routes';
import type { Session } from '../../api/types';
import { Confirm } from '../../forms/confirm';
import { useT } from '../../i18n';
import { Button, Empty, Notice, Segments } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { AccountDialog } from './account-dialog';
import { kinds, shown } from './account-model';
import { AccountsTable, type AccountAct } from './accounts-table';

export function DirectoryPage({ session }: { session: Session }) {
    const t = useT();
    const client = useQueryClient();
    const [search, setSearch] = useSearchParams();
    const mine = kinds.filter((kind) => kind !== 'tenants' || session.system);
    const kind = mine.find((each) => each === search.get('kind')) ?? mine[0] ?? 'apps';
    // The address follows the field; the other way round, fast fingers would outrun it.
    const [words, setWords] = useState(search.get('q') ?? '');
    const [open, setOpen] = useState<{ act: AccountAct | 'new'; account?: Account }>();
    const [wrong, setWrong] = useState('');
    const { data, error } = useQuery({
        queryKey: ['accounts', kind], queryFn: ({ signal }) => accounts.list(kind, signal), refetchInterval: 30_000,
    });
    const close = () => { setOpen(undefined); };
    const changed = () => { void client.invalidateQueries({ queryKey: ['accounts'] }); };
    const turn = async (account: Account, enabled: boolean) => {
        await accounts.change(kind, account, { enabled });
        changed();
    };
    const onAccount = (act: AccountAct, account: Account) => {
        setWrong('');
        // Switching on harms nobody and is not asked about.
        if (act !== 'switch' || account.enabled) setOpen({ act, account });
        else turn(account, true).catch((caught: unknown) => { setWrong(caught instanceof Error ? caught.message : String(caught)); });
    };
    const filter = (next: string) => {
        setWords(next);
        setSearch({ kind, ...(next ? { q: next } : {}) }, { replace: true });
    };
    const account = open?.account;
    const found = shown(data ?? [], words);
    return (
        <div className="directory">
            <header className="directory-head">
                <div className="grow">
                    <h1>{t('nav.directory')}</h1>
                    <p className="quiet">{t('directory.intro')}</p>
                </div>
                <Button look="primary" icon="plus" onClick={() => { setOpen({ act: 'new' }); }}>{t(`directory.new_${kind}`)}</Button>
            </header>
            <div className="directory-head">
                <Segments
                    label={t('directory.kind')} value={kind} options={mine.map((value) => ({ value, text: t(`directory.${value}`) }))}
                    onChange={(next) => { setSearch({ kind: next, ...(words ? { q: words } : {}) }, { replace: true }); }}
                />
                <input
                    className="input directory-search" type="search" data-search value={words} placeholder={t('picker.search')}
                    aria-label={t('picker.search')} autoComplete="off" onChange={({ target }) => { filter(target.value); }}
                />
            </div>
            {wrong && <Notice tone="bad" icon="cross">{wrong}</Notice>}
            {error ? <Failure title={t('directory.list_failed')} error={error} /> : !data ? <Loading text={t('loading')} /> : found.length === 0
                ? <Empty title={data.length > 0 ? t('picker.none') : t(`directory.none_${kind}`)} />
                : <AccountsTable kind={kind} accounts={found} onAccount={onAccount} />}
            {(open?.act === 'new' || open?.act === 'edit') && (
                <AccountDialog kind={kind} session={session} subject={account} onDone={changed} onClose={close} />
            )}
            {open?.act === 'switch' && account && (
                <Confirm
                    title={t('directory.turn_off_one', { name: account.name })} action={t('directory.turn_off')} onClose={close}
                    act={() => turn(account, false)}
                >
                    {t('directory.turn_off_text')}
                </Confirm>
            )}
            {open?.act === 'remove' && account && (
                <Confirm
                    title={t('directory.remove_one', { name: account.name })} action={t('form.delete')} onClose={close}
                    act={async () => { await accounts.remove(kind, account); changed(); }}
                >
                    {t('directory.remove_text')}
                </Confirm>
            )}
        </div>
    );
}

import type { Account, AccountKind } from '../../api/admin-types';
import { limitsText } from '../../forms/limits';
import { useT } from '../../i18n';
import { Badge, Button } from '../../ui/controls';
import { clock } from '../../ui/format';

export type AccountAct = 'edit' | 'switch' | 'remove';
export type OnAccount = (act: AccountAct, account: Account) => void;

function Row({ kind, subject, onAccount }: { kind: AccountKind; subject: Account; onAccount: OnAccount }) {
    const t = useT();
    const { name, enabled } = subject;
    const models = Object.keys(subject.models ?? {}).length;
    const switching = enabled ? 'turn_off' : 'turn_on';
    const limits = [limitsText(subject.limits, t), models > 0 ? t('directory.model_limits', { n: models }) : ''].filter(Boolean).join(' · ');
    const actions: [AccountAct, string, string][] = [
        ['edit', t('form.edit'), t('key.edit_one', { name })],
        ['switch', t(`directory.${switching}`), t(`directory.${switching}_one`, { name })],
        ['remove', t('form.delete'), t('directory.remove_one', { name })],
    ];
    return (
        <tr className={enabled ? undefined : 'is-over'}>
            <td><strong className="account-name clip" title={name}>{name}</strong></td>
            {kind !== 'tenants' && <td>{subject.tenant}</td>}
            <td className="account-text clip" title={subject.title}>{subject.title}</td>
            {kind === 'users' && <td className="account-text clip" title={subject.email}>{subject.email}</td>}
            {kind === 'users' && <td>{subject.role && t(`role.${subject.role}`)}</td>}
            {kind !== 'users' && <td className="account-text clip" title={limits}>{limits || <span className="quiet">{t('limits.none')}</span>}</td>}
            <td><Badge tone={enabled ? 'good' : 'wait'} icon={enabled ? 'check' : 'stop'}>{t(enabled ? 'directory.on' : 'directory.off')}</Badge></td>
            <td className="right">{subject.created_at && clock(subject.created_at)}</td>
            <td className="actions">
                {actions.map(([act, text, label]) => (
                    <Button key={act} small look="plain" aria-label={label} onClick={() => { onAccount(act, subject); }}>{text}</Button>
                ))}
            </td>
        </tr>
    );
}

export function AccountsTable({ kind, accounts, onAccount }: { kind: AccountKind; accounts: Account[]; onAccount: OnAccount }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t(`directory.${kind}`)}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('directory.name')}</th>
                        {kind !== 'tenants' && <th scope="col">{t('key.tenant')}</th>}
                        <th scope="col">{t('directory.title')}</th>
                        {kind === 'users' && <th scope="col">{t('directory.email')}</th>}
                        {kind === 'users' && <th scope="col">{t('key.role')}</th>}
                        {kind !== 'users' && <th scope="col">{t('limits.title')}</th>}
                        <th scope="col">{t('key.state')}</th>
                        <th scope="col" className="right">{t('job.created')}</th>
                        <th scope="col" className="actions"><span className="hidden-text">{t('key.actions')}</span></th>
                    </tr>
                </thead>
                <tbody>
                    {accounts.map((account) => (
                        <Row key={`${account.tenant ?? ''}/${account.name}`} kind={kind} subject={account} onAccount={onAccount} />
                    ))}
                </tbody>
            </table>
        </div>
    );
}

import './layout.css';
import { useState } from 'react';
import { NavLink, Outlet } from 'react-router';
import type { Session } from '../api/types';
import { useT } from '../i18n';
import { Button, Dialog } from '../ui/controls';
import { Logo } from './logo';
import { may } from './rights';
import { shortcuts, useShortcuts } from './shortcuts';
import { Toggles } from './toggles';

function Account({ session, leave }: { session: Session; leave: () => void }) {
    const t = useT();
    return (
        <>
            <Button look="plain" icon="dots" aria-label={t('account.menu')} popoverTarget="account" />
            <div id="account" popover="auto" className="account">
                <p><strong>{session.name}</strong></p>
                <p className="quiet small">{session.tenant} · {session.roles.join(', ')}</p>
                <Toggles />
                <Button icon="leave" onClick={leave}>{t('account.leave')}</Button>
            </div>
        </>
    );
}

export function Layout({ session, leave }: { session: Session; leave: () => void }) {
    const t = useT();
    const [help, setHelp] = useState(false);
    useShortcuts(() => { setHelp((open) => !open); });
    return (
        <>
            <a className="skip" href="#main">{t('nav.skip')}</a>
            <header className="top">
                <div className="top-inner">
                    <NavLink to="/" className="top-logo" aria-label="Headrace"><Logo small /><span>Headrace</span></NavLink>
                    <nav aria-label={t('nav.main')} className="grow">
                        {may(session, 'viewer') && <NavLink to="/" end>{t('nav.status')}</NavLink>}
                        <NavLink to="/jobs">{t('nav.jobs')}</NavLink>
                        <NavLink to="/playground">{t('nav.playground')}</NavLink>
                        {may(session, 'viewer') && <NavLink to="/upstreams">{t('nav.upstreams')}</NavLink>}
                        {may(session, 'operator') && <NavLink to="/requests">{t('nav.requests')}</NavLink>}
                        {may(session, 'viewer') && <NavLink to="/usage">{t('nav.usage')}</NavLink>}
                        {may(session, 'admin') && <NavLink to="/keys">{t('nav.keys')}</NavLink>}
                        {may(session, 'admin') && <NavLink to="/directory">{t('nav.directory')}</NavLink>}
                    </nav>
                    <Toggles />
                    <Button
                        look="plain" icon="help" className="top-help" aria-label={t('keys.title')} title={t('keys.title')}
                        onClick={() => { setHelp(true); }}
                    />
                    <Account session={session} leave={leave} />
                </div>
            </header>
            <main id="main" className="main" tabIndex={-1}>
                <Outlet context={session} />
            </main>
            <Dialog title={t('keys.title')} open={help} onClose={() => { setHelp(false); }} close={t('close')}>
                <dl className="keys">
                    {shortcuts.map(({ keys, label }) => (
                        <div key={label}>
                            <dt>{keys.map((key) => <kbd key={key} className="kbd">{key}</kbd>)}</dt>
                            <dd>{t(label)}</dd>
                        </div>
                    ))}
                </dl>
            </Dialog>
        </>
    );
}

import { Component, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { Role } from '../api/admin-types';
import type { Session } from '../api/types';
import { useT } from '../i18n';
import { Button } from '../ui/controls';
import { Failure } from '../ui/page';
import type { Need } from './rights';

export function NotFoundPage() {
    const t = useT();
    return (
        <div className="empty">
            <h1>{t('error.no_page')}</h1>
            <p>{t('error.no_page_text')}</p>
            <Link className="button" to="/">{t('error.to_status')}</Link>
        </div>
    );
}

/** For who may not see a page: what it needs, and as whom one is signed in. */
export function NoRightPage({ need, session }: { need: Need; session: Session }) {
    const t = useT();
    const { name, roles, tenant } = session;
    return (
        <div className="empty" role="alert">
            <h1>{t('error.no_right')}</h1>
            <p>{t('error.no_right_text', { need: t(`role.${need}`), name, role: roles.map((role) => t(`role.${role as Role}`)).join(', '), tenant })}</p>
            <Link className="button" to="/">{t('error.to_start')}</Link>
        </div>
    );
}

function BrokenPage({ error }: { error: Error }) {
    const t = useT();
    return (
        <div className="empty">
            <Failure title={t('error.unexpected')} error={error} hint={t('error.unexpected_hint')} />
            <Button icon="retry" onClick={() => { window.location.reload(); }}>{t('error.reload')}</Button>
        </div>
    );
}

/** A page that throws takes neither the others nor the frame with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
    override state = { error: null as Error | null };

    static getDerivedStateFromError(error: Error) {
        return { error };
    }

    override render() {
        return this.state.error ? <BrokenPage error={this.state.error} /> : this.props.children;
    }
}

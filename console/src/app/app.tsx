import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { Navigate, Outlet, Route, Routes, useLocation, useOutletContext } from 'react-router';
import type { Session } from '../api/types';
import { useT, type Key } from '../i18n';
import { Button } from '../ui/controls';
import { Failure, Loading } from '../ui/page';
import { ErrorBoundary, NoRightPage, NotFoundPage } from './error-page';
import { Layout } from './layout';
import { may, seesStatus, type Need } from './rights';
import { useSession } from './session';
import { SignInPage } from './sign-in-page';

const StatusPage = lazy(async () => ({ default: (await import('../features/status/status-page')).StatusPage }));
const JobsPage = lazy(async () => ({ default: (await import('../features/jobs/jobs-page')).JobsPage }));
const JobPage = lazy(async () => ({ default: (await import('../features/jobs/job-page')).JobPage }));
const PlaygroundPage = lazy(async () => ({
    default: (await import('../features/playground/playground-page')).PlaygroundPage,
}));

const DirectoryPage = lazy(async () => ({ default: (await import('../features/directory/directory-page')).DirectoryPage }));
const KeysPage = lazy(async () => ({ default: (await import('../features/keys/keys-page')).KeysPage }));
const RequestsPage = lazy(async () => ({ default: (await import('../features/requests/requests-page')).RequestsPage }));
const UsagePage = lazy(async () => ({ default: (await import('../features/usage/usage-page')).UsagePage }));
const UpstreamsPage = lazy(async () => ({ default: (await import('../features/upstreams/upstreams-page')).UpstreamsPage }));

const titles: Record<string, Key> = {
    playground: 'nav.playground', jobs: 'nav.jobs', keys: 'nav.keys', usage: 'nav.usage', directory: 'nav.directory',
    upstreams: 'nav.upstreams', requests: 'nav.requests',
};
const titleOf = (path: string): Key => titles[path.split('/')[1] ?? ''] ?? 'nav.status';

/** Around every page: its title in the tab, and a place for it to load or to break in. */
function Frame() {
    const t = useT();
    const { pathname } = useLocation();
    const title = t(titleOf(pathname));
    useEffect(() => { document.title = `${title} · Headrace`; }, [title]);
    return (
        <ErrorBoundary key={pathname.split('/')[1]}>
            <Suspense fallback={<Loading text={t('loading')} />}>
                <Outlet context={useOutletContext<Session>()} />
            </Suspense>
        </ErrorBoundary>
    );
}

function Playground() {
    return <PlaygroundPage clientUrl={useOutletContext<Session>().client_url} />;
}

/** A page for those who may: the others are told what it needs. */
function For({ need, page }: { need: Need; page: (session: Session) => ReactNode }) {
    const session = useOutletContext<Session>();
    return may(session, need) ? page(session) : <NoRightPage need={need} session={session} />;
}

export function App() {
    const t = useT();
    const session = useSession();
    if (session.state === 'loading') return <div className="main"><Loading text={t('loading')} /></div>;
    if (session.state === 'unreachable') {
        return (
            <main className="main empty">
                <Failure title={t('error.unreachable')} error={session.error} hint={t('error.unreachable_hint')} />
                <Button icon="retry" onClick={session.again}>{t('error.again')}</Button>
            </main>
        );
    }
    if (session.state === 'out') return <SignInPage why={session.why} enter={session.enter} />;
    return (
        <Routes>
            <Route element={<Layout session={session.session} leave={() => { void session.leave(); }} />}>
                <Route element={<Frame />}>
                    <Route index element={seesStatus(session.session) ? <StatusPage /> : <Navigate to="/playground" replace />} />
                    <Route path="jobs" element={<JobsPage />} />
                    <Route path="jobs/:id" element={<JobPage />} />
                    <Route path="playground/:capability?" element={<Playground />} />
                    <Route path="upstreams" element={<For need="viewer" page={(who) => <UpstreamsPage session={who} manages={may(who, 'operator')} />} />} />
                    <Route path="requests" element={<For need="operator" page={(who) => <RequestsPage session={who} />} />} />
                    <Route path="usage" element={<For need="viewer" page={() => <UsagePage />} />} />
                    <Route path="keys" element={<For need="admin" page={(who) => <KeysPage session={who} />} />} />
                    <Route path="directory" element={<For need="admin" page={(who) => <DirectoryPage session={who} />} />} />
                    <Route path="*" element={<NotFoundPage />} />
                </Route>
            </Route>
        </Routes>
    );
}

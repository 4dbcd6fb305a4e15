import './playground.css';
import './chat.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Navigate, useLocation, useNavigate, useParams } from 'react-router';
import { capabilities } from '../../api/routes';
import type { Capability, CapabilityEntry } from '../../api/types';
import { useT } from '../../i18n';
import { Button, Command, Empty } from '../../ui/controls';
import { Failure, Loading } from '../../ui/page';
import { CapabilityPicker } from './capability-picker';
import { ChatView } from './chat-view';
import { RunHistory } from './run-history';
import { Workspace } from './workspace';

const defaultClientUrl = 'http://127.0.0.1:8600';

/** The client door as one reaches it from here: a door on every address goes by this page's host name. */
function reachable(url: string | undefined): string {
    if (!url?.startsWith('http')) return defaultClientUrl;
    return url.replace(/\/\/(0\.0\.0\.0|\[::\])/, `//${window.location.hostname}`);
}

function Title({ capability }: { capability: Capability }) {
    const t = useT();
    const navigate = useNavigate();
    const { name, version, versions } = capability;
    return (
        <header className="capability-head">
            <div className="row">
                <h1>{capability.title ?? name}</h1>
                {versions.length > 1
                    ? (
                        <select
                            className="input capability-version" aria-label={t('picker.version')} value={version}
                            onChange={(event) => { void navigate(`/playground/${name}@${event.target.value}`); }}
                        >
                            {versions.map((each) => <option key={each} value={each}>{name}@{each}</option>)}
                        </select>
                    )
                    : <code className="quiet">{name}@{version}</code>}
                {capability.mode === 'stream' && <span className="quiet small">{t('picker.session')}</span>}
            </div>
            <p className="quiet">{capability.description}</p>
        </header>
    );
}

function Chosen({ name, clientUrl }: { name: string; clientUrl: string }) {
    const t = useT();
    const { data, error } = useQuery({
        queryKey: ['capability', name],
        queryFn: ({ signal }) => capabilities.get(name, signal),
        staleTime: 60_000,
    });
    if (error) return <Failure title={t('picker.gone', { name })} error={error} hint={t('picker.gone_hint')} />;
    if (!data) return <Loading text={t('loading')} />;
    const chats = data.interface.profile === 'chat' && data.mode === 'once';
    return (
        <>
            <Title capability={data} />
            {chats
                ? <ChatView key={name} capability={data} clientUrl={clientUrl} />
                : <Workspace key={name} capability={data} clientUrl={clientUrl} />}
        </>
    );
}

/** Where one lands without a choice: a chat if there is one, for it shows the most. */
function firstOf(entries: CapabilityEntry[]): string | undefined {
    const entry = entries.find(({ profile }) => profile === 'chat') ?? entries[0];
    return entry && `${entry.name}@${entry.version}`;
}

export function PlaygroundPage({ clientUrl }: { clientUrl?: string | undefined }) {
    const t = useT();
    const { capability } = useParams();
    const location = useLocation();
    const [open, setOpen] = useState(false);
    const { data, error } = useQuery({ queryKey: ['capabilities'], queryFn: ({ signal }) => capabilities.list(signal) });
    if (error) return <Failure title={t('picker.failed')} error={error} />;
    if (!data) return <Loading text={t('loading')} />;
    const entries = [...data.capabilities].sort((a, b) => a.name.localeCompare(b.name));
    const first = firstOf(entries);
    if (first === undefined) {
        return (
            <Empty title={t('picker.empty')}>
                <Command
                    text={'headrace engine new shout --kind python\nheadrace serve --engine shout'}
                    copy={t('copy')} copied={t('copied')}
                />
            </Empty>
        );
    }
    if (!capability) return <Navigate to={`/playground/${first}`} replace state={location.state as unknown} />;
    const search = (location.state as { search?: boolean } | null)?.search === true;
    return (
        <div className="playground">
            <aside className={`playground-side${open || search ? ' is-open' : ''}`} aria-label={t('picker.title')}>
                <Button className="playground-open" icon="search" aria-expanded={open} onClick={() => { setOpen(!open); }}>
                    {t('picker.open')}
                </Button>
                <div className="playground-list">
                    <CapabilityPicker
                        entries={entries} chosen={capability} focus={search} onPick={() => { setOpen(false); }}
                    />
                    <RunHistory />
                </div>
            </aside>
            <div className="playground-main"><Chosen name={capability} clientUrl={reachable(clientUrl)} /></div>
        </div>
    );
}

import './sign-in.css';
import { useState, type FormEvent } from 'react';
import { ApiError } from '../api/client';
import { useT, type Translate } from '../i18n';
import { Button, Command, Notice } from '../ui/controls';
import { Logo } from './logo';
import type { Outside, Proof } from './session';
import { Toggles } from './toggles';

function wordsOf(error: unknown, t: Translate): string {
    if (!(error instanceof ApiError)) return t('error.unexpected');
    if (error.status === 401) return t('signin.wrong');
    if (error.status === 429) return t('signin.too_often', { n: error.retryAfter || 60 });
    return error.message;
}

export function SignInPage({ why, enter }: { why: Outside; enter: (proof: Proof) => Promise<void> }) {
    const t = useT();
    const [text, setText] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState('');
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        const proof = text.trim();
        // The link itself may be pasted, its token, or a key.
        const token = /sign-in=([\w.~-]+)/.exec(proof)?.[1];
        setBusy(true);
        setError('');
        try {
            await enter(token ? { token } : proof.startsWith('hr_') ? { key: proof } : { token: proof });
        } catch (caught) {
            setError(wordsOf(caught, t));
            setBusy(false);
        }
    };
    return (
        <main className="sign-in">
            <div className="sign-in-box">
                <Logo />
                <h1>{t('signin.title')}</h1>
                {why === 'expired' && <Notice tone="warn" icon="clock">{t('signin.expired')}</Notice>}
                {why === 'left' && <Notice tone="good" icon="check">{t('signin.left')}</Notice>}
                {why === 'bad_link' && <Notice tone="bad" icon="cross">{t('signin.bad_link')}</Notice>}
                <section>
                    <h2>{t('signin.by_link')}</h2>
                    <p className="quiet">{t('signin.by_link_text')}</p>
                    <Command text="headrace console" copy={t('copy')} copied={t('copied')} />
                </section>
                <form onSubmit={(event) => { void submit(event); }}>
                    <h2><label htmlFor="proof">{t('signin.by_key')}</label></h2>
                    <p className="quiet">{t('signin.by_key_text')}</p>
                    <div className="row">
                        <input
                            id="proof" className="input mono" type="password" autoComplete="current-password"
                            placeholder="hr_…" value={text} aria-invalid={error !== ''} aria-describedby="proof-error"
                            onChange={(event) => { setText(event.target.value); }}
                        />
                        <Button look="primary" type="submit" disabled={busy || text.trim() === ''}>
                            {t('signin.enter')}
                        </Button>
                    </div>
                    <p id="proof-error" className="tone-bad small" role="alert">{error}</p>
                </form>
                <Toggles />
            </div>
        </main>
    );
}

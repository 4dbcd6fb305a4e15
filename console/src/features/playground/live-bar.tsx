import { useCallback, useRef, useState } from 'react';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { duration } from '../../ui/format';
import { LiveFeed, type Heard } from './live-feed';

/** At most one microphone: what it hears, and the end of its input. */
export function useLive() {
    const [heard, setHeard] = useState<Heard>();
    const feed = useRef<LiveFeed>(undefined);
    const listen = useCallback((rate: number) => {
        const made = new LiveFeed(rate, (now) => { if (feed.current === made) setHeard(now); });
        feed.current = made;
        return made;
    }, []);
    const finish = useCallback(() => {
        feed.current?.finish();
        feed.current = undefined;
        setHeard(undefined);
    }, []);
    return { heard, listen, finish };
}

export function LiveBar({ heard, onFinish }: { heard: Heard; onFinish: () => void }) {
    const t = useT();
    return (
        <div className="live" role="group" aria-label={t('live.title')}>
            <span className="badge tone-bad" role="status"><i className="live-dot pulse" />{t('live.listening')}</span>
            <span className="bar whole live-level" aria-hidden="true">
                <i className="busy" style={{ width: `${Math.min(100, 140 * heard.level)}%` }} />
            </span>
            <span className="num small" role="timer">{duration(heard.seconds * 1000)}</span>
            <Button look="primary" icon="check" onClick={onFinish}>{t('live.finish')}</Button>
        </div>
    );
}

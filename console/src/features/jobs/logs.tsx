import { useEffect, useRef, useState } from 'react';
import type { LogLine } from '../../api/types';
import { useT } from '../../i18n';
import { CopyButton } from '../../ui/controls';
import { clock } from '../../ui/format';

/** Lines as the engine wrote them. Follows the end until somebody scrolls up. */
export function Logs({ lines, live }: { lines: LogLine[]; live: boolean }) {
    const t = useT();
    const box = useRef<HTMLDivElement>(null);
    const [following, setFollowing] = useState(true);
    useEffect(() => {
        if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
    }, [lines, following]);
    if (lines.length === 0) return <p className="quiet">{live ? t('logs.none_yet') : t('logs.none')}</p>;
    return (
        <div>
            <div
                ref={box} className="logs" tabIndex={0} role="log" aria-label={t('job.logs')}
                onScroll={({ currentTarget: at }) => {
                    setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < 24);
                }}
            >
                {lines.map((line, at) => (
                    <div key={at} className={/err|warn/.test(line.level) ? 'tone-bad' : undefined}>
                        <span className="quiet">{clock(line.time)}</span> {line.message}
                    </div>
                ))}
            </div>
            <div className="row small quiet">
                <span className="grow">
                    {t('logs.lines', { n: lines.length })}
                    {live && ` · ${following ? t('logs.following') : t('logs.held')}`}
                </span>
                <CopyButton
                    text={() => lines.map((line) => `${line.time} ${line.message}`).join('\n')}
                    label={t('copy')} done={t('copied')}
                />
            </div>
        </div>
    );
}

import { useEffect, useRef } from 'react';
import type { NewKey } from '../../api/admin-types';
import { useT } from '../../i18n';
import { Button, Command, Notice } from '../../ui/controls';
import { clock } from '../../ui/format';
import { oldSecretUntil } from './key-model';

/** The one time that the secret is seen: this must not go away by a stray click. */
export function Secret({ made, onClose }: { made: NewKey; onClose: () => void }) {
    const t = useT();
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => { box.current?.focus(); }, []);
    const shared = { copy: t('copy'), copied: t('copied') };
    const until = oldSecretUntil(made, Date.now());
    return (
        <div ref={box} className="form" tabIndex={-1}>
            <Notice tone="warn">{t('key.once')}</Notice>
            <Command text={made.key} {...shared} />
            {made.rotated_at && <p>{until ? t('key.old_until', { time: clock(until) }) : t('key.old_over')}</p>}
            <p className="quiet small">{t('key.use')}</p>
            <Command text={`export HEADRACE_KEY=${made.key}`} {...shared} />
            <div className="dialog-actions"><Button look="primary" onClick={onClose}>{t('key.kept_it')}</Button></div>
        </div>
    );
}

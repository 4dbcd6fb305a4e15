import { useCallback, useEffect, useState, type DragEvent } from 'react';
import type { FieldSpec } from '../../api/types';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { bytes, duration } from '../../ui/format';
import { Icon } from '../../ui/icon';
import type { ControlProps } from './field-controls';
import { mediaIn, type Draft, type MediaItem } from './form-model';
import { isHeard } from './microphone';
import { useRecorder } from './use-recorder';

function Preview({ item, remove }: { item: MediaItem; remove: () => void }) {
    const t = useT();
    const [url, setUrl] = useState('');
    useEffect(() => {
        const made = URL.createObjectURL(item.content);
        setUrl(made);
        return () => { URL.revokeObjectURL(made); };
    }, [item]);
    const type = item.content.type;
    return (
        <li className="media-item">
            {url && type.startsWith('image/') && <img src={url} alt={item.name} />}
            {url && type.startsWith('audio/') && <audio src={url} controls aria-label={item.name} />}
            {url && type.startsWith('video/') && <video src={url} controls aria-label={item.name} />}
            <div className="row">
                <Icon name="file" />
                <span className="clip grow">{item.name}</span>
                <span className="quiet small num">{bytes(item.content.size)}</span>
                <Button look="plain" small icon="cross" aria-label={t('media.remove', { name: item.name })} onClick={remove} />
            </div>
        </li>
    );
}

function Recorder({ spec, add }: { spec: FieldSpec; add: (item: MediaItem) => void }) {
    const t = useT();
    const done = useCallback((wav: Blob) => { add({ name: t('media.recording'), content: wav }); }, [add, t]);
    const { active, level, error, start, stop } = useRecorder(spec.sample_rate?.[0] ?? 16_000, done);
    const [began, setBegan] = useState(0);
    const [now, setNow] = useState(0);
    useEffect(() => {
        if (!active) return;
        setBegan(Date.now());
        const timer = setInterval(() => { setNow(Date.now()); }, 100);
        return () => { clearInterval(timer); };
    }, [active]);
    if (!active) {
        return (
            <>
                <Button icon="mic" onClick={() => { void start(); }}>{t('media.record')}</Button>
                {error && <p className="tone-bad small" role="alert">{t('media.no_microphone')}: {isHeard() ? error : t('media.insecure')}</p>}
            </>
        );
    }
    return (
        <>
            <Button icon="stop" onClick={stop}>{t('media.stop')}</Button>
            <span className="bar whole media-level" aria-hidden="true">
                <i className="busy" style={{ width: `${Math.min(100, 140 * level)}%` }} />
            </span>
            <span className="num small" role="timer">{duration(Math.max(0, now - began))}</span>
        </>
    );
}

export function MediaControl({ id, entry, invalid, describedBy, draft, onChange }: ControlProps & {
    draft: Draft; onChange: (items: MediaItem[]) => void;
}) {
    const t = useT();
    const [over, setOver] = useState(false);
    const { spec } = entry;
    const most = entry.most ?? 1;
    const items = mediaIn(draft);
    const add = useCallback((added: MediaItem[]) => {
        onChange(most === 1 ? added.slice(-1) : [...items, ...added].slice(0, most));
    }, [items, most, onChange]);
    const addOne = useCallback((item: MediaItem) => { add([item]); }, [add]);
    const take = (list: FileList | null) => {
        if (list && list.length > 0) add([...list].map((file) => ({ name: file.name, content: file })));
    };
    const drop = (event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files);
    };
    const accept = spec.content_types?.join(',') ?? (spec.kind === 'other' ? '' : `${spec.kind}/*`);
    return (
        <div>
            {items.length > 0 && (
                <ul className="media-list">
                    {items.map((item, at) => (
                        <Preview
                            key={`${item.name}-${at}`} item={item}
                            remove={() => { onChange(items.filter((_, n) => n !== at)); }}
                        />
                    ))}
                </ul>
            )}
            {items.length < most && (
                <div
                    className={`drop${over ? ' is-over' : ''}${invalid ? ' is-invalid' : ''}`}
                    onDragOver={(event) => { event.preventDefault(); setOver(true); }}
                    onDragLeave={() => { setOver(false); }} onDrop={drop}
                >
                    <label className="button" htmlFor={id}><Icon name="file" />{t('media.choose')}</label>
                    <input
                        id={id} className="hidden-text" type="file" accept={accept} multiple={most > 1}
                        aria-describedby={describedBy}
                        onChange={(event) => { take(event.target.files); event.target.value = ''; }}
                    />
                    {spec.kind === 'audio' && <Recorder spec={spec} add={addOne} />}
                    <span className="quiet">{t('media.drop')}</span>
                </div>
            )}
        </div>
    );
}

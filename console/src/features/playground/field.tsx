import { useId } from 'react';
import { faultText, type Fault } from '../../forms/faults';
import { useT, type Translate } from '../../i18n';
import { isMedia, textsIn, type Draft, type Entry } from './form-model';
import { ListControl, TextControl } from './field-controls';
import { MediaControl } from './media-control';

/** What a field takes, in a few words: its kind and bounds. */
function boundsOf({ spec }: Entry, t: Translate): string {
    const words: string[] = [t(`kind.${spec.kind}`)];
    if (spec.min !== undefined && spec.max !== undefined) words.push(`${spec.min} … ${spec.max}`);
    else if (spec.min !== undefined) words.push(`≥ ${spec.min}`);
    else if (spec.max !== undefined) words.push(`≤ ${spec.max}`);
    if (spec.dtype) words.push(`${spec.dtype} [${(spec.shape ?? []).map((n) => (n < 0 ? '*' : n)).join(', ')}]`);
    if (spec.sample_rate) words.push(`${spec.sample_rate.join(', ')} Hz`);
    return words.join(', ');
}

interface FieldProps {
    entry: Entry;
    draft: Draft;
    fault?: Fault | undefined;
    onChange: (draft: Draft) => void;
}

export function Field({ entry, draft, fault, onChange }: FieldProps) {
    const t = useT();
    const id = useId();
    const { spec, name, required } = entry;
    const shared = { id, entry, invalid: fault !== undefined, describedBy: `${id}-help ${id}-fault` };
    const group = isMedia(spec) || entry.most !== undefined;
    const control = isMedia(spec)
        ? <MediaControl {...shared} draft={draft} onChange={onChange} />
        : entry.most !== undefined
            ? <ListControl {...shared} texts={textsIn(draft)} onChange={onChange} />
            : <TextControl {...shared} text={textsIn(draft)[0] ?? ''} onChange={onChange} />;
    const label = (
        <>
            {spec.title ?? name}
            {required && <span className="tone-bad" title={t('field.required')} aria-hidden="true"> *</span>}
        </>
    );
    return (
        <div className="field" role={group ? 'group' : undefined} aria-labelledby={group ? `${id}-label` : undefined}>
            <div className="field-head">
                {group
                    ? <span id={`${id}-label`} className="field-label">{label}</span>
                    : <label htmlFor={id} className="field-label">{label}</label>}
                <span className="quiet small">{boundsOf(entry, t)}</span>
            </div>
            {control}
            <p id={`${id}-fault`} className="field-fault tone-bad small" role={fault ? 'alert' : undefined}>
                {fault && faultText(fault, t)}
            </p>
            <p id={`${id}-help`} className="quiet small">{spec.description}</p>
        </div>
    );
}

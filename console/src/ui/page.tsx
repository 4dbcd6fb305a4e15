import { Icon } from './icon';
import { Notice } from './controls';

export function Loading({ text }: { text: string }) {
    return <p className="page-loading quiet" role="status"><Icon name="spin" className="spin" /> {text}</p>;
}

/** What happened, to what, and what to try. */
export function Failure({ title, error, hint }: { title: string; error: Error; hint?: string }) {
    return (
        <Notice tone="bad" icon="cross">
            <strong>{title}</strong>
            <p>{error.message}</p>
            {hint && <p className="quiet">{hint}</p>}
        </Notice>
    );
}

import './value-view.css';
import { bytes } from './format';

const shownItems = 200;

interface Media {
    url: string;
    content_type?: string;
    size?: number;
}

function mediaOf(value: unknown): Media | undefined {
    if (typeof value !== 'object' || value === null || !('url' in value)) return undefined;
    return typeof value.url === 'string' ? (value as Media) : undefined;
}

function Leaf({ name, value }: { name?: string; value: unknown }) {
    const kind = typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'word';
    return (
        <div className="leaf">
            {name !== undefined && <span className="name">{name}: </span>}
            <span className={kind}>{JSON.stringify(value)}</span>
        </div>
    );
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
    if (typeof value !== 'object' || value === null) return <Leaf name={name} value={value} />;
    const entries = Object.entries(value);
    const list = Array.isArray(value);
    // Short lists of numbers (boxes, vectors) read better on one line.
    if (list && value.length <= 16 && value.every((item) => typeof item === 'number')) {
        return <Leaf name={name} value={value} />;
    }
    const shown = entries.slice(0, shownItems);
    return (
        <details open={depth < 2 && entries.length <= 32}>
            <summary>
                {name !== undefined && <span className="name">{name}: </span>}
                {list ? `[${entries.length}]` : `{${entries.length}}`}
            </summary>
            {shown.map(([key, item]) => <Node key={key} name={key} value={item} depth={depth + 1} />)}
            {entries.length > shown.length && <div className="leaf">… +{entries.length - shown.length}</div>}
        </details>
    );
}

export function JsonTree({ value }: { value: unknown }) {
    return <div className="tree" tabIndex={0} role="group" aria-label="JSON"><Node value={value} depth={0} /></div>;
}

/** Any value by what it is: text, a player, a picture, a download, a list of these, or a tree. */
export function ValueView({ value, href, label }: {
    value: unknown; href: (url: string) => string; label: string;
}) {
    if (typeof value === 'string') return <pre className="value-text">{value}</pre>;
    const media = mediaOf(value);
    if (media) {
        const type = media.content_type ?? '';
        const source = href(media.url);
        if (type.startsWith('image/')) return <img className="value-image" src={source} alt={label} />;
        if (type.startsWith('audio/')) return <audio className="value-audio" src={source} controls aria-label={label} />;
        if (type.startsWith('video/')) return <video className="value-image" src={source} controls aria-label={label} />;
        return <a href={source} download>{type || label}{media.size !== undefined && `, ${bytes(media.size)}`}</a>;
    }
    if (Array.isArray(value) && value.length > 0 && value.every((item) => mediaOf(item))) {
        return value.map((item, at) => <ValueView key={at} value={item} href={href} label={`${label} ${at + 1}`} />);
    }
    return <JsonTree value={value} />;
}

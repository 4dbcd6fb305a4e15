import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { Link } from 'react-router';
import type { CapabilityEntry } from '../../api/types';
import { useT } from '../../i18n';
import { Icon } from '../../ui/icon';

/** Every word must stand somewhere in name, title or description. */
export function matching(entries: CapabilityEntry[], search: string): CapabilityEntry[] {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    return entries.filter((entry) => {
        const text = `${entry.name} ${entry.title ?? ''} ${entry.description ?? ''} ${entry.profile ?? ''}`.toLowerCase();
        return words.every((word) => text.includes(word));
    });
}

interface PickerProps {
    entries: CapabilityEntry[];
    /** name@version */
    chosen: string;
    focus: boolean;
    onPick?: () => void;
}

export function CapabilityPicker({ entries, chosen, focus, onPick }: PickerProps) {
    const t = useT();
    const [search, setSearch] = useState('');
    const list = useRef<HTMLUListElement>(null);
    const field = useRef<HTMLInputElement>(null);
    useEffect(() => { if (focus) field.current?.focus(); }, [focus]);
    const found = matching(entries, search);

    const walk = (event: KeyboardEvent) => {
        const links = [...(list.current?.querySelectorAll<HTMLElement>('a') ?? [])];
        const at = links.findIndex((link) => link === document.activeElement);
        if (event.key === 'ArrowDown') links[Math.min(at + 1, links.length - 1)]?.focus();
        else if (event.key === 'ArrowUp' && at > 0) links[at - 1]?.focus();
        else if (event.key === 'ArrowUp') field.current?.focus();
        else if (event.key === 'Enter' && at < 0) links[0]?.click();
        else if (event.key === 'Escape') setSearch('');
        else return;
        event.preventDefault();
    };

    return (
        <div className="picker" onKeyDown={(event) => { if (event.key !== 'Enter' || event.target === field.current) walk(event); }}>
            <div className="picker-search">
                <Icon name="search" />
                <input
                    ref={field} className="input" type="search" data-search value={search} autoComplete="off"
                    placeholder={t('picker.search')} aria-label={t('picker.search')}
                    onChange={(event) => { setSearch(event.target.value); }}
                />
                <kbd className="kbd" aria-hidden="true">/</kbd>
            </div>
            <ul ref={list}>
                {found.map((entry) => (
                    <li key={entry.name}>
                        <Link
                            to={`/playground/${entry.name}@${entry.version}`} onClick={onPick}
                            aria-current={chosen.startsWith(`${entry.name}@`) ? 'true' : undefined}
                        >
                            <span className="picker-name">{entry.name}</span>
                            <span className="quiet small clip">{entry.title}</span>
                        </Link>
                    </li>
                ))}
                {found.length === 0 && <li className="quiet small picker-none">{t('picker.none')}</li>}
            </ul>
        </div>
    );
}

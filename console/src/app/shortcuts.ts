import { useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import type { Key } from '../i18n';

export const shortcuts: { keys: string[]; label: Key }[] = [
    { keys: ['/'], label: 'keys.search' },
    { keys: ['g', 's'], label: 'keys.status' },
    { keys: ['g', 'j'], label: 'keys.jobs' },
    { keys: ['g', 'p'], label: 'keys.playground' },
    { keys: ['g', 'u'], label: 'keys.usage' },
    { keys: ['g', 'k'], label: 'keys.to_keys' },
    { keys: ['g', 'd'], label: 'keys.directory' },
    { keys: ['g', 'm'], label: 'keys.upstreams' },
    { keys: ['g', 'r'], label: 'keys.requests' },
    { keys: ['j', 'k'], label: 'keys.walk' },
    { keys: ['Ctrl', 'Enter'], label: 'keys.run' },
    { keys: ['Esc'], label: 'keys.stop' },
    { keys: ['?'], label: 'keys.help' },
];

const places: Record<string, string> = { s: '/', j: '/jobs', p: '/playground', u: '/usage', k: '/keys', d: '/directory', m: '/upstreams', r: '/requests' };
/** How long a `g` waits for its second key, by when they were pressed: a busy page may hear of them late. */
const pairPause_ms = 1_000;

function types(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null;
}

/** Keys that work on every page; none of them while somebody types or holds a modifier. */
export function useShortcuts(toggleHelp: () => void): void {
    const navigate = useNavigate();
    const waiting = useRef(-pairPause_ms);
    const help = useRef(toggleHelp);
    useEffect(() => { help.current = toggleHelp; });
    useEffect(() => {
        const pressed = (event: KeyboardEvent) => {
            if (event.ctrlKey || event.metaKey || event.altKey || types(event.target)) return;
            const second = event.timeStamp - waiting.current < pairPause_ms ? places[event.key] : undefined;
            waiting.current = event.key === 'g' ? event.timeStamp : -pairPause_ms;
            if (second) {
                void navigate(second);
            } else if (event.key === '?') {
                help.current();
            } else if (event.key === '/') {
                event.preventDefault();
                const field = document.querySelector<HTMLElement>('[data-search]');
                if (field?.offsetParent) field.focus();
                else void navigate('/playground', { state: { search: true } });
            }
        };
        document.addEventListener('keydown', pressed);
        return () => { document.removeEventListener('keydown', pressed); };
    }, [navigate]);
}

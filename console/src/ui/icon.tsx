/** Signs on a 16 px grid, drawn here: no icon font, no library. */
const paths = {
    check: 'M3.5 8.5l3 3 6-7',
    cross: 'M4 4l8 8M12 4l-8 8',
    warn: 'M8 2.5l6 11H2zM8 7v3M8 11.8v.2',
    copy: 'M5.500 5.500v-3h8v8h-3M2.500 5.500h8v8h-8z',
    search: 'M7 12A5 5 0 107 2a5 5 0 000 10zM10.600 10.600L14 14',
    sun: 'M8 11a3 3 0 100-6 3 3 0 000 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
    moon: 'M13.500 9.500A6 6 0 016.500 2.500a6 6 0 107 7z',
    play: 'M5 3.500v9l7-4.500z',
    stop: 'M4.500 4.500h7v7h-7z',
    pause: 'M5.500 3.500v9M10.500 3.500v9',
    retry: 'M13 8a5 5 0 11-1.500-3.500L13 6M13 2.500V6H9.500',
    mic: 'M8 1.500a2 2 0 00-2 2V8a2 2 0 004 0V3.500a2 2 0 00-2-2zM3.500 7.500a4.500 4.500 0 009 0M8 12v2.500',
    file: 'M9 1.500H4v13h8v-10zM9 1.500v3h3',
    clock: 'M8 14A6 6 0 108 2a6 6 0 000 12zM8 4.500V8l2.500 1.500',
    dots: 'M3.500 8h.01M8 8h.01M12.500 8h.01',
    down: 'M4 6l4 4 4-4',
    right: 'M6 4l4 4-4 4',
    help: 'M6 6a2 2 0 113 1.700c-.7.400-1 .8-1 1.800M8 12v.1',
    leave: 'M9.500 2.500h-6v11h6M7 8h7M11.500 5.500L14 8l-2.500 2.500',
    spin: 'M8 2a6 6 0 106 6',
    plus: 'M8 3v10M3 8h10',
    edit: 'M3 13l.600-3L10.500 3.100l2.400 2.400L6 12.400zM9 4.600L11.400 7',
    key: 'M6 10.500a3 3 0 100-6 3 3 0 000 6zM8.500 7.500H14v3M11.500 7.500v2',
    save: 'M8 2.500v7M5 7l3 3 3-3M3 13.500h10',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, className }: { name: IconName; className?: string }) {
    return (
        <svg
            className={className} width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor"
            strokeWidth={name === 'dots' ? 2.5 : 1.5} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true"
        >
            <path d={paths[name]} />
        </svg>
    );
}

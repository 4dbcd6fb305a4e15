import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';

// For what need only happen, however busy the machine is.
configure({ asyncUtilTimeout: 30_000 });

afterEach(() => {
    cleanup();
    if (typeof localStorage !== 'undefined') localStorage.clear();
    if (typeof sessionStorage !== 'undefined') sessionStorage.clear();
});

// jsdom has neither; the pages only ask.
if (typeof window !== 'undefined') {
    window.matchMedia = (query) => Object.assign(new EventTarget(), {
        matches: false, media: query, onchange: null, addListener: () => undefined, removeListener: () => undefined,
    }) as MediaQueryList;
    window.ResizeObserver = class {
        observe(): void { /* nothing changes its size here */ }
        unobserve(): void { /* nothing changes its size here */ }
        disconnect(): void { /* nothing changes its size here */ }
    };
}

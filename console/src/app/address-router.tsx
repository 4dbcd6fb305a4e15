import type { ReactNode } from 'react';
import { BrowserRouter } from 'react-router';

/**
 * The router of all pages. A change of the address is no transition, as which the router would let it wait for a quiet
 * moment: what a click or key changes in it is on the page before the next one is handled. So a page makes its next
 * address from the choices that it shows, and no quick choice drops the one before.
 */
export function AddressRouter({ children }: { children: ReactNode }) {
    return <BrowserRouter basename="/console" useTransitions={false}>{children}</BrowserRouter>;
}

import './ui/tokens.css';
import './ui/base.css';
import './ui/controls.css';
import './ui/table.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client';
import { AddressRouter } from './app/address-router';
import { App } from './app/app';
import { SessionProvider } from './app/session';
import { LanguageProvider } from './i18n';
import { applyStoredTheme } from './ui/theme';

applyStoredTheme();

const client = new QueryClient({
    defaultOptions: {
        queries: {
            // What the server refuses, it refuses again; what did not arrive may arrive next time.
            retry: (times, error) => times < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
            staleTime: 1_000,
        },
    },
});

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
    <StrictMode>
        <QueryClientProvider client={client}>
            <LanguageProvider>
                <SessionProvider>
                    <AddressRouter>
                        <App />
                    </AddressRouter>
                </SessionProvider>
            </LanguageProvider>
        </QueryClientProvider>
    </StrictMode>,
);

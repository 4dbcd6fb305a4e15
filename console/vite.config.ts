import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The pages are served under /console/ by the control door. In development `npm run dev` forwards the
// API to a running server: HEADRACE_CONTROL_URL names its control door.
const server = process.env['HEADRACE_CONTROL_URL'] ?? 'http://127.0.0.1:8601';

export default defineConfig({
    base: '/console/',
    plugins: [react()],
    server: { proxy: { '/api': { target: server, ws: true } } },
    build: {
        outDir: '../build/console/dist',
        emptyOutDir: true,
        target: 'es2022',
        // The content policy forbids inline anything, data: in scripts and fonts too.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
    },
    test: {
        environment: 'jsdom',
        include: ['src/**/*.test.{ts,tsx}'],
        setupFiles: ['src/test-setup.ts'],
        restoreMocks: true,
        testTimeout: 60_000,
    },
});

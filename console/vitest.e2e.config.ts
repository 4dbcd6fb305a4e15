import { defineConfig } from 'vitest/config';

// Real binary, real engines, headless Chromium: one file after the other, with time to start.
export default defineConfig({
    test: {
        environment: 'node',
        include: ['e2e/**/*.test.ts'],
        fileParallelism: false,
        testTimeout: 60_000,
        hookTimeout: 90_000,
        expect: { poll: { timeout: 20_000 } },
    },
});

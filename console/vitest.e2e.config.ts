import { defineConfig } from 'vitest/config';

// Real binary, real engines, headless Chromium: one file after the other, with time for a machine that stands still.
export default defineConfig({
    test: {
        environment: 'node',
        include: ['e2e/**/*.test.ts'],
        fileParallelism: false,
        testTimeout: 240_000,
        hookTimeout: 180_000,
        expect: { poll: { timeout: 60_000 } },
    },
});

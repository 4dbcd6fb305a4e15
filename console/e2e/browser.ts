import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';

const flags = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
    // A microphone that beeps, and nobody to ask for it.
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
];
/** For what need only happen, however busy the machine is. */
const patience_ms = 60_000;
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function launch(more: string[] = []): Promise<Browser> {
    return chromium.launch({ executablePath: process.env['HEADRACE_CHROMIUM'] ?? '/usr/bin/chromium', args: [...flags, ...more] });
}

/** A page that remembers what went wrong in it. */
export type ConsolePage = Page & { wrong: string[] };

/** Opens one. A 401 is how the page learns that nobody is signed in. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
    const context = await browser.newContext({
        viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write', 'microphone'], ...options,
    });
    context.setDefaultTimeout(patience_ms);
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => {
        if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) wrong.push(message.text());
    });
    await page.goto(url);
    return Object.assign(page, { wrong });
}

/** Two keys in a row lead to a page; again where the machine stood still for longer than a pair may take. */
export async function goByKeys(page: Page, keys: [string, string], heading: string): Promise<void> {
    const there = page.getByRole('heading', { name: heading, level: 1 });
    await expect.poll(async () => {
        for (const key of keys) await page.keyboard.press(key);
        return there.waitFor({ timeout: 5_000 }).then(() => true, () => false);
    }).toBe(true);
}

/** The cursor comes to a plot, and `told` is shown; once more where the plot was just then made anew. */
export async function hoverUntil(page: Page, plot: Locator, position: { x: number; y: number }, told: Locator): Promise<void> {
    await expect.poll(async () => {
        await page.mouse.move(5, 5);
        await plot.hover({ position });
        return told.waitFor({ timeout: 5_000 }).then(() => true, () => false);
    }).toBe(true);
}

interface Violation {
    id: string;
    impact: string;
    help: string;
    nodes: { html: string }[];
}

/**
 * No rule of axe is broken, in light and in dark, once the page is there, which then has its one heading. Run through
 * the debugger: the page's policy holds.
 */
export async function expectAccessible(page: Page): Promise<void> {
    await page.locator('main h1').first().waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.evaluate(axeSource);
        const found = await page.evaluate(async () => {
            const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } };
            return (await axe.run()).violations;
        });
        const told = found.map(({ id, impact, help, nodes }) => (
            `${id} (${impact}): ${help}\n  ${nodes.slice(0, 3).map((node) => node.html).join('\n  ')}`
        ));
        expect(told, colorScheme).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { chat, echo } from './server';
import { serve } from './site';

const media = resolve(import.meta.dirname, 'engines/media');
const site = serve({ engines: [echo, chat, media] });
const { server } = site;

const openPlayground = (capability: string) => site.open(`/playground/${capability}`);

it('runs a form and streams what comes', async () => {
    const page = await openPlayground('echo_stream');
    await page.getByLabel('text', { exact: false }).first().fill('one two three');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Done', { exact: true }).waitFor();
    await page.locator('.output').getByText('one two three').waitFor();
    await page.getByText('First output').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);

    // The run is kept in this browser, and can be run again.
    const kept = page.getByRole('region', { name: 'Runs in this browser' });
    await kept.getByText('one two three').waitFor();
    await kept.getByRole('link', { name: 'Run again' }).click();
    await expect.poll(() => kept.getByText('one two three').count()).toBe(2);
});

it('stops a run, which cancels the job', async () => {
    const page = await openPlayground('echo_slow');
    await page.getByLabel('text', { exact: false }).first().fill('x');
    await page.getByLabel('duration_ms', { exact: true }).first().fill('60000');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('Running', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped', { exact: true }).waitFor();
    await server.until(async () => {
        const { queues } = await server.get<{ queues: { running: number }[] }>(server.control, '/queues');
        return queues.every((queue) => queue.running === 0);
    });
});

it('names what is wrong beside its field', async () => {
    const page = await openPlayground('echo_slow');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('This is required.').waitFor();
    await page.getByLabel('text', { exact: false }).first().fill('x');
    await page.getByLabel('duration_ms', { exact: true }).first().fill('-1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('This must be at least 0.').waitFor();
    await expectAccessible(page);
});

it('uploads a picture and shows the one that comes back', async () => {
    const page = await openPlayground('mirror');
    const picture = resolve(import.meta.dirname, '../../examples/inputs/lines.png');
    await page.locator('input[type=file]').first().setInputFiles(picture);
    await page.locator('.media-item img').waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const shown = page.locator('.output img');
    await shown.waitFor();
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Python' }).click();
    await page.getByText('image=Path("lines.png")').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('records the microphone as a WAV of 16 kHz', async () => {
    const page = await openPlayground('sound');
    await page.getByRole('button', { name: 'Record' }).click();
    // By the clock: of that a busy browser may hear less.
    await page.getByRole('timer').getByText(/[3-9]\.\d+ s/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.media-item audio').waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('Done', { exact: true }).waitFor();
    const facts = await page.locator('.output').filter({ hasText: 'rate' }).innerText();
    expect(facts).toContain('16000');
    expect(Number(/seconds: ([\d.]+)/.exec(facts)?.[1])).toBeGreaterThan(0.5);
    expect(page.wrong).toEqual([]);
});

it('holds a session over its WebSocket', async () => {
    const page = await openPlayground('spoken_back');
    await page.getByLabel('text', { exact: false }).first().fill('to the wheel');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('Done', { exact: true }).waitFor();
    await page.locator('.output').getByText('wheel the to').waitFor();
    expect(page.wrong).toEqual([]);
});

it('every script and style comes from a file, and the whole is small', () => {
    const index = readFileSync(resolve(import.meta.dirname, '../../build/console/dist/index.html'), 'utf8');
    expect(index).not.toMatch(/<style|<script(?![^>]* src=)| style=| on\w+=/);
});

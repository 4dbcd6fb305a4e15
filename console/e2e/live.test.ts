import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { toInt16, wavOf } from '../src/features/playground/audio';
import { expectAccessible } from './browser';
import { serve } from './site';

const media = resolve(import.meta.dirname, 'engines/media');
const folder = mkdtempSync(join(tmpdir(), 'headrace-sound-'));
const hertz = 1_000;

/** What the browser's microphone hears, over and over: ten seconds of one tone, at a rate that is not the engine's. */
async function tone(): Promise<string> {
    const samples = Float32Array.from({ length: 48_000 * 10 }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hertz * at) / 48_000));
    const path = join(folder, 'tone.wav');
    writeFileSync(path, Buffer.from(await wavOf(toInt16(samples), 48_000).arrayBuffer()));
    return path;
}

const site = serve({ engines: [media], flags: async () => [`--use-file-for-fake-audio-capture=${await tone()}`] });
const { server } = site;
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

const openPlayground = (options = {}) => site.open('/playground/pitch', options);

const nothingRuns = async () => {
    const { queues } = await server.get<{ queues: { running: number }[] }>(server.control, '/queues');
    return queues.every((queue) => queue.running === 0);
};

it('the microphone feeds a session at the rate of the engine, and what it says comes while one speaks', async () => {
    const page = await openPlayground();
    await page.getByRole('button', { name: 'Speak live' }).click();
    const live = page.getByRole('group', { name: 'Live microphone' });
    await live.getByText('Listening').waitFor();
    const output = page.locator('.output');
    await output.getByText(/second"?: 2/).first().waitFor();
    // The tone, in two whole seconds at least: where the machine is busy a browser loses some of what it hears. At a wrong
    // rate all of them are off.
    await output.getByText(/hertz"?: (99[5-9]|100[0-5])\b/).nth(1).waitFor();
    await live.waitFor();
    await page.getByText('Running', { exact: true }).waitFor();
    await expectAccessible(page);
    // In one turn of the page, however long the test stands still.
    const told = Number(/[\d.]+/.exec(await live.evaluate((bar) => {
        const words = bar.querySelector('[role=timer]')?.textContent ?? '';
        bar.querySelector('button')?.click();
        return words;
    }))?.[0]);
    await page.getByText('Done', { exact: true }).waitFor();
    await live.waitFor({ state: 'detached' });

    await output.getByRole('button', { name: 'Copy' }).first().click();
    const seconds = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as Record<string, number>[];
    const whole = seconds[seconds.length - 1]?.['whole'] ?? 0;
    // It is told to a tenth of a second.
    expect(whole).toBeGreaterThan(told - 0.1);
    expect(whole).toBeLessThan(told + 3);
    expect(seconds.length).toBeGreaterThanOrEqual(4);
    expect(seconds.filter((each) => Math.abs((each['hertz'] ?? 0) - hertz) <= 5).length).toBeGreaterThanOrEqual(2);
    expect(page.wrong).toEqual([]);
});

it('stops with Escape, which lets go of the microphone and cancels the job', async () => {
    const page = await openPlayground();
    await page.getByRole('button', { name: 'Speak live' }).click();
    await page.getByText('Running', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped', { exact: true }).waitFor();
    await page.getByRole('group', { name: 'Live microphone' }).waitFor({ state: 'detached' });
    await server.until(nothingRuns);
    expect(page.wrong).toEqual([]);
});

it('leaving the page ends the session, too', async () => {
    const page = await openPlayground();
    await page.getByRole('button', { name: 'Speak live' }).click();
    await page.getByText('Running', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Jobs' }).click();
    await server.until(nothingRuns);
});

it('says so when the microphone is refused', async () => {
    const page = await openPlayground({ permissions: [] });
    await page.evaluate(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
    });
    await page.getByRole('button', { name: 'Speak live' }).click();
    await page.getByRole('alert').getByText('the microphone cannot be used: Permission denied').waitFor();
    await expectAccessible(page);
});

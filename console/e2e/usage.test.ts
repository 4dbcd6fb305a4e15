import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, launch, open } from './browser';
import { chat, echo, Server } from './server';

const server = new Server();
let browser: Browser;

beforeAll(async () => {
    await server.start([echo, chat]);
    browser = await launch();
});
afterAll(async () => {
    await server.stop();
    await browser.close();
});

async function openUsage(search = '', options = {}) {
    const page = await open(browser, server.link(), options);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goto(`${server.control}/console/usage${search}`);
    return page;
}

const submitAs = (key: string, capability: string, input: unknown, more = {}) => fetch(`${server.client}/api/v1/jobs`, {
    method: 'POST', body: JSON.stringify({ capability, input, ...more }),
    headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json', 'Prefer': 'wait=20' },
});

const messages = [{ role: 'user', content: 'one two three' }];

it('says so where nothing was used', async () => {
    const page = await openUsage();
    await page.getByText('No job ended in this time.').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('adds up what was used, by capability, key and day', async () => {
    const { key } = await server.post<{ key: string }>(server.control, '/keys', { name: 'shop', role: 'caller' });
    for (let n = 0; n < 3; n += 1) await submitAs(server.key, 'echo', { text: 'x' });
    await submitAs(key, 'chat', { messages, max_tokens: 5 });
    await submitAs(key, 'chat', { messages, max_tokens: 7 });
    await submitAs(key, 'echo_slow', { text: 'x', duration_ms: 60_000 }, { timeout: 1 });

    const page = await openUsage();
    const row = (name: string) => page.locator('tbody tr').filter({ hasText: name }).locator('td').allInnerTexts();
    await page.locator('tbody').getByText('chat@1.0.0').waitFor();
    await expect.poll(async () => (await row('echo_slow@1.0.0')).slice(1, 3)).toEqual(['1', '1']);
    expect((await row('echo@1.0.0')).slice(0, 3)).toEqual(['echo@1.0.0', '3', '0']);
    // Jobs, failed, run time, prompt tokens, completion tokens.
    expect((await row('chat@1.0.0'))[1]).toBe('2');
    expect((await row('chat@1.0.0'))[5]).toBe('12');
    expect(await page.locator('.usage-totals').innerText()).toMatch(/Jobs\s+6\s+Failed\s+1/);
    await page.locator('.usage-plot canvas').waitFor();
    await expectAccessible(page);

    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await page.waitForURL(/by=key/);
    expect((await row('shop')).slice(1, 3)).toEqual(['3', '1']);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Day', exact: true }).click();
    const today = await page.evaluate(() => {
        const now = new Date();
        return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
    });
    expect((await row(today))[1]).toBe('6');

    await page.getByRole('button', { name: 'Tokens', exact: true }).click();
    await page.getByRole('button', { name: '24 h', exact: true }).click();
    await page.waitForURL(/days=1.*show=tokens/);
    await page.getByRole('img', { name: /Tokens over time, at most \d+/ }).waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
    expect(readFileSync(await saved.path(), 'utf8')).toMatch(new RegExp(`^day,jobs,failed,.*\\r\\n${today},6,1,`));
    expect(page.wrong).toEqual([]);
});

it('sorts, and tells the value of a bar under the cursor', async () => {
    const page = await openUsage('?days=30');
    await page.getByRole('columnheader', { name: 'Jobs' }).getByRole('button').click();
    await expect.poll(() => page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('ascending');
    const over = page.locator('.usage-plot .u-over');
    const box = await over.boundingBox();
    await over.hover({ position: { x: (box?.width ?? 9) - 9, y: 60 } });
    await page.locator('.usage-plot').getByText(/^\d{4}-\d\d-\d\d: 6$/).waitFor();
});

it('speaks Chinese and fits a phone', async () => {
    const page = await openUsage('', { locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await page.locator('tbody tr').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

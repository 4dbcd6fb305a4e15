import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectAccessible, hoverUntil } from './browser';
import { chat, echo } from './server';
import { serve } from './site';

const site = serve({ engines: [echo, chat] });
const { server } = site;

const submitAs = (key: string, capability: string, input: unknown, more = {}) => fetch(`${server.client}/api/v1/jobs`, {
    method: 'POST', body: JSON.stringify({ capability, input, ...more }),
    headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json', 'Prefer': 'wait=20' },
});

const messages = [{ role: 'user', content: 'one two three' }];

it('says so where nothing was used', async () => {
    const page = await site.open('/usage');
    await page.getByText('No job ended in this time.').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('adds up what was used, by model, key, app and day', async () => {
    await server.post(server.control, '/apps', { name: 'storefront' });
    const { key } = await site.newKey('shop', 'caller', { app: 'storefront' });
    for (let n = 0; n < 3; n += 1) await submitAs(server.key, 'echo', { text: 'x' });
    await submitAs(key, 'chat', { messages, max_tokens: 5 });
    await submitAs(key, 'chat', { messages, max_tokens: 7 });
    await submitAs(key, 'echo_slow', { text: 'x', duration_ms: 60_000 }, { timeout: 1 });
    await server.until(async () => (await server.get<{ records: number }>(server.control, '/usage/summary?by=key')).records === 6);

    const page = await site.open('/usage');
    const row = (name: string) => page.locator('tbody tr').filter({ hasText: name }).locator('td').allInnerTexts();
    await page.locator('tbody').getByText('chat', { exact: true }).waitFor();
    expect((await row('echo_slow')).slice(1, 3)).toEqual(['1', '1']);
    const echoes = page.locator('tbody tr').filter({ has: page.getByText('echo', { exact: true }) }).locator('td');
    expect((await echoes.allInnerTexts()).slice(0, 3)).toEqual(['echo', '3', '0']);
    // Jobs, failed, run time, prompt tokens, completion tokens.
    expect((await row('chat'))[1]).toBe('2');
    expect((await row('chat'))[5]).toBe('12');
    expect(await page.locator('.usage-totals').innerText()).toMatch(/Jobs\s+6\s+Failed\s+1/);
    await page.locator('.usage-plot canvas').waitFor();
    await expectAccessible(page);

    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await page.waitForURL(/by=key/);
    await page.locator('tbody').getByText('shop').waitFor();
    expect((await row('shop')).slice(1, 3)).toEqual(['3', '1']);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'App', exact: true }).click();
    await page.locator('tbody').getByText('storefront').waitFor();
    expect((await row('storefront'))[1]).toBe('3');
    // What belongs to no app is there too.
    expect((await row('none'))[1]).toBe('3');
    await page.getByRole('button', { name: 'Day (UTC)', exact: true }).click();
    await page.getByRole('columnheader', { name: 'Day (UTC)' }).waitFor();
    const days = page.locator('tbody tr');
    // One day, or two where midnight of UTC came between.
    const jobs = await days.evaluateAll((rows) => rows.map((each) => Number(each.querySelectorAll('td')[1]?.textContent)));
    expect(jobs.reduce((a, b) => a + b, 0)).toBe(6);
    await expectAccessible(page);

    await page.getByRole('button', { name: 'Tokens', exact: true }).click();
    await page.getByRole('button', { name: 'Tokens', exact: true, pressed: true }).waitFor();
    await page.getByRole('button', { name: '24 h', exact: true }).click();
    await page.waitForURL(/days=1.*show=tokens/);
    await page.getByRole('img', { name: /Tokens over time, at most \d+/ }).waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
    expect(saved.suggestedFilename()).toBe('usage-by-day.csv');
    expect(readFileSync(await saved.path(), 'utf8')).toMatch(/^day,jobs,failed,.*\r\n\d{4}-\d\d-\d\d,\d,\d,/);
    expect(page.wrong).toEqual([]);
});

it('sorts, and tells the value of a bar under the cursor', async () => {
    const page = await site.open('/usage?days=30');
    await page.getByRole('columnheader', { name: 'Jobs' }).getByRole('button').click();
    await expect.poll(() => page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('ascending');
    const over = page.locator('.usage-plot .u-over');
    const box = await over.boundingBox();
    const told = page.locator('.usage-plot').getByText(/^\d{4}-\d\d-\d\d: [0-6]$/);
    await hoverUntil(page, over, { x: (box?.width ?? 9) - 9, y: 60 }, told);
});

it('is refused to callers, who are told why', async () => {
    const { key } = await site.newKey('app', 'caller');
    const page = await site.openAs(key, '/usage');
    await page.getByRole('alert').getByText('It needs the role viewer').waitFor();
    expect(await page.getByRole('link', { name: 'Usage' }).count()).toBe(0);
    await expectAccessible(page);
});

it('speaks Chinese and fits a phone', async () => {
    const page = await site.open('/usage', { locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await page.locator('tbody tr').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { echo } from './server';
import { serve } from './site';

const site = serve({ engines: [echo] });
const { server } = site;

it('says how to send a first job', async () => {
    const page = await site.open('/jobs');
    await page.getByText('There are no jobs yet').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('lists jobs of every state, filters them, and leads to each', async () => {
    const page = await site.open('/jobs');
    await server.submit('echo', { text: 'x' });
    await server.submit('echo_slow', { text: 'x', duration_ms: 60_000 }, { timeout: 1 });
    const long = await server.submit('echo_slow', { text: 'x', duration_ms: 60_000 }, { timeout: 60 });
    const rows = page.locator('tbody');
    for (const state of ['succeeded', 'failed', 'running']) await rows.getByText(state, { exact: true }).waitFor();
    await rows.getByText('the job ran longer than its timeout').waitFor();
    await expectAccessible(page);

    await page.getByRole('button', { name: 'running', exact: true }).click();
    await page.waitForURL(/\?state=running$/);
    await expect.poll(() => rows.locator('tr').count()).toBe(1);
    await page.getByLabel('Capability').selectOption('echo@1.0.0');
    await page.getByText('No job matches this filter.').waitFor();
    await expectAccessible(page);
    await site.visit(page, '/jobs?state=running');
    await rows.getByRole('link').click();
    await page.waitForURL(`**/jobs/${long.id}`);
    await page.getByRole('heading', { name: 'echo_slow@1.0.0' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled', { exact: true }).first().waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('is as good in Chinese and on a phone', async () => {
    const page = await site.open('/jobs', { locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await page.locator('tbody').getByText('已取消').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
    await page.locator('tbody a').first().click();
    await page.getByRole('list', { name: '时间线' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

import { expect, it } from 'vitest';
import { expectAccessible, goByKeys, hoverUntil } from './browser';
import { echo } from './server';
import { serve } from './site';

const site = serve({ engines: [echo] });
const { server } = site;

it('shows jobs as they run and fail, without a reload', async () => {
    const page = await site.signedIn();
    await page.getByText('No job is running.').waitFor();
    const long = { text: 'x', duration_ms: 600_000 };
    await server.submit('echo_slow', long, { timeout: 600 });
    const other = await server.submit('echo_slow', long, { timeout: 600 });
    await page.getByText('2 jobs running').waitFor();
    await server.post(server.client, `/jobs/${other.id}/cancel`, {});
    await page.getByText('1 job running').waitFor();
    await server.submit('echo_slow', long, { timeout: 1 });
    await page.getByRole('region', { name: 'Failed lately' }).getByText('the job ran longer').waitFor();
    await page.getByText('1 job running').waitFor();
    await page.getByText('Live').waitFor();
    await expect.poll(() => page.locator('.plots canvas').count()).toBe(4);
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('says what is wrong, and leads there', async () => {
    const page = await site.signedIn();
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    await server.post(server.control, '/queues/echo@1.0.0/pause', {});
    await server.submit('echo', { text: 'x' });
    await page.getByRole('heading', { name: 'Needs a look' }).waitFor();
    await page.getByText('echo@1.0.0 is paused with 1 job waiting.').waitFor();
    await page.getByRole('link', { name: 'Show', exact: true }).click();
    await page.waitForURL(/jobs\?state=queued&capability=echo%401\.0\.0$/);
    await page.locator('tbody').getByText('queued').waitFor();
    await server.post(server.control, '/queues/echo@1.0.0/resume', {});
    await page.getByText('No job matches this filter.').waitFor();
});

it('holds the plots still under the cursor, and keeps the range in the address', async () => {
    const page = await site.signedIn();
    await page.getByRole('button', { name: '5 min', exact: true }).click();
    await page.waitForURL(/\?window=300$/);
    await hoverUntil(page, page.locator('.plots .u-over').first(), { x: 200, y: 60 }, page.getByText('Held at'));
    await page.mouse.move(5, 5);
    await page.getByText('Live').waitFor();
});

it('speaks Chinese, turns dark, fits a phone', async () => {
    const page = await site.signedIn({ locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await page.getByRole('heading', { name: '健康' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
    await page.getByRole('button', { name: '账户与设置' }).click();
    await page.getByRole('button', { name: '深色' }).click();
    const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.getByRole('button', { name: 'English' }).click();
    await page.reload();
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe(dark);
});

it('goes by keyboard', async () => {
    const page = await site.signedIn();
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await goByKeys(page, ['g', 'j'], 'Jobs');
    await page.locator('tbody a').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    expect(await page.locator('tbody a').nth(1).evaluate((link) => link === document.activeElement)).toBe(true);
    await page.keyboard.press('/');
    await page.waitForURL('**/playground/*');
    await page.getByRole('searchbox').waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute('type') === 'search');
});

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, launch, open } from './browser';
import { echo, Server } from './server';

const server = new Server();
let browser: Browser;

beforeAll(async () => {
    await server.start([echo]);
    browser = await launch();
});
afterAll(async () => {
    await server.stop();
    await browser.close();
});

async function openKeys(options = {}) {
    const page = await open(browser, server.link(), options);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goto(`${server.control}/console/keys`);
    await page.locator('tbody tr').first().waitFor();
    return page;
}

const callAs = async (key: string, capability: string) => {
    const answer = await fetch(`${server.client}/api/v1/jobs`, {
        method: 'POST', body: JSON.stringify({ capability, input: { text: 'x' } }),
        headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json', 'Prefer': 'wait=20' },
    });
    return answer.status;
};

it('makes a key that does what it was made for, shows its secret once, and revokes it', async () => {
    const page = await openKeys();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog', { name: 'New key' });
    expect(await dialog.getByLabel('Name').evaluate((field) => field === document.activeElement)).toBe(true);
    await page.keyboard.type('shop');
    await dialog.getByRole('button', { name: 'only these' }).click();
    await dialog.getByRole('checkbox', { name: 'echo', exact: true }).check();
    await dialog.getByRole('button', { name: '30 days' }).click();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Create' }).click();

    const made = page.getByRole('dialog', { name: 'Key shop' });
    const secret = await made.locator('code').first().innerText();
    expect(secret).toMatch(/^hr_\w+_/);
    await expectAccessible(page);
    // No stray key or click takes it away.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.mouse.click(5, 5);
    await made.getByRole('button', { name: 'Copy' }).first().click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    await made.getByRole('button', { name: 'I have kept it' }).click();

    const row = page.locator('tbody tr').filter({ hasText: 'shop' });
    await row.getByText('caller').waitFor();
    await row.getByText('active').waitFor();
    expect(await page.content()).not.toContain(secret);
    expect(await callAs(secret, 'echo')).toBe(200);
    expect(await callAs(secret, 'echo_slow')).toBe(404);

    await row.getByRole('button', { name: 'Revoke shop' }).click();
    const sure = page.getByRole('dialog', { name: 'Revoke shop' });
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await sure.waitFor({ state: 'detached' });
    expect(await callAs(secret, 'echo')).toBe(200);
    await row.getByRole('button', { name: 'Revoke shop' }).click();
    await sure.getByRole('button', { name: 'Revoke', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    expect(await callAs(secret, 'echo')).toBe(401);
    await page.getByRole('button', { name: 'all', exact: true }).click();
    await row.getByText('revoked').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('says beside its field what is wrong, and what the server refuses', async () => {
    const page = await openKeys();
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByRole('button', { name: 'only these' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').getByText('It needs a name.').waitFor();
    await page.getByRole('alert').getByText('Choose at least one.').waitFor();
    await expectAccessible(page);
    await page.getByLabel('Name').fill('x');
    await page.getByRole('group', { name: 'Capabilities' }).getByRole('button', { name: 'all' }).click();
    await page.getByLabel('Tenant').fill('Not A Tenant');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').getByText('not a tenant name').waitFor();
});

it('finds keys by words, from the address', async () => {
    for (const name of ['alpha one', 'beta two']) await server.post(server.control, '/keys', { name, role: 'viewer' });
    const page = await openKeys();
    await page.keyboard.press('/');
    await page.keyboard.type('beta viewer');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.reload();
    await page.locator('tbody tr').getByText('beta two').waitFor();
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('No key matches.').waitFor();
    await expectAccessible(page);
});

it('is for admins alone', async () => {
    const { key } = await server.post<{ key: string }>(server.control, '/keys', { name: 'looker', role: 'viewer' });
    const page = await open(browser, `${server.control}/console/keys`);
    await page.getByLabel('With an API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The keys cannot be listed').waitFor();
    expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor();
    await expectAccessible(page);
});

it('speaks Chinese and fits a phone', async () => {
    const page = await openKeys({ locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await page.getByRole('button', { name: '新建密钥' }).click();
    await page.getByRole('dialog', { name: '新建密钥' }).waitFor();
    await expectAccessible(page);
});

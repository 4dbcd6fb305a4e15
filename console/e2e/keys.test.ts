import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { echo } from './server';
import { serve } from './site';

const site = serve({ engines: [echo] });
const { server } = site;

async function openKeys(options = {}) {
    const page = await site.open('/keys', options);
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
    expect(await dialog.getByLabel('Name', { exact: true }).evaluate((field) => field === document.activeElement)).toBe(true);
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

/** What stands below a field about it. */
const faultOf = (page: Page, label: string) => page.locator('.form-field').filter({ has: page.getByLabel(label, { exact: true }) }).last().getByRole('alert');

it('makes a key of an app with its limits, changes it, and gives it a new secret while the old one works on', async () => {
    await server.post(server.control, '/apps', { name: 'storefront' });
    await server.post(server.control, '/users', { name: 'ann' });
    const page = await openKeys();
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog', { name: 'New key' });
    await dialog.getByLabel('Name', { exact: true }).fill('till');
    await dialog.getByLabel('App', { exact: true }).selectOption('storefront');
    await dialog.getByLabel('User', { exact: true }).selectOption('ann');
    await dialog.getByRole('button', { name: 'only these' }).click();
    await dialog.getByRole('checkbox', { name: 'echo', exact: true }).check();
    await dialog.getByLabel('Others by name or model id').fill('org/model-7b');
    await dialog.getByLabel('From addresses').fill('127.0.0.0/8');
    await dialog.getByLabel('Requests a day').fill('3');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Create' }).click();
    const first = await page.getByRole('dialog', { name: 'Key till' }).locator('code').first().innerText();
    await page.getByRole('button', { name: 'I have kept it' }).click();
    const row = page.locator('tbody tr').filter({ hasText: 'till' });
    for (const fact of ['storefront · ann', 'echo, org/model-7b', '127.0.0.0/8', '3/day']) await row.getByText(fact).waitFor();
    expect(await callAs(first, 'echo')).toBe(200);

    await row.getByRole('button', { name: 'Edit till' }).click();
    const edit = page.getByRole('dialog', { name: 'Edit till' });
    expect(await edit.getByLabel('Others by name or model id').inputValue()).toBe('org/model-7b');
    await edit.getByLabel('Name', { exact: true }).fill('till 2');
    await edit.getByLabel('Requests a day').fill('5');
    await expectAccessible(page);
    await edit.getByRole('button', { name: 'Save' }).click();
    await row.getByText('5/day').waitFor();
    await row.getByText('till 2').waitFor();

    await row.getByRole('button', { name: 'Rotate till 2' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: '7 days' }).click();
    await page.getByRole('button', { name: 'Rotate', exact: true }).click();
    const made = page.getByRole('dialog', { name: 'Key till 2' });
    await made.getByText(/The old secret works until \d{4}-/).waitFor();
    const second = await made.locator('code').first().innerText();
    expect(second).toMatch(/^hr_\w+_/);
    expect(second).not.toBe(first);
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await made.getByRole('button', { name: 'I have kept it' }).click();
    expect(await callAs(first, 'echo')).toBe(200);
    expect(await callAs(second, 'echo')).toBe(200);
    await row.getByText(/old secret until/).waitFor();

    await row.getByRole('button', { name: 'Details of till 2' }).click();
    const details = page.getByRole('dialog', { name: 'till 2' });
    await details.getByText(/works until/).waitFor();
    await details.getByText('127.0.0.0/8').waitFor();
    await expectAccessible(page);
    await details.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('button', { name: 'no longer' }).click();
    await page.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByText('The old secret does not work any more.').waitFor();
    await page.getByRole('button', { name: 'I have kept it' }).click();
    expect(await callAs(second, 'echo')).toBe(401);
    expect(page.wrong).toEqual([]);
});

it('says beside its field what is wrong, and what the server refuses', async () => {
    const page = await openKeys();
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByRole('button', { name: 'only these' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').getByText('This is required.').waitFor();
    await page.getByRole('alert').getByText('At least 1 values are needed.').waitFor();
    await expectAccessible(page);
    await page.getByLabel('Name', { exact: true }).fill('x');
    await page.getByRole('group', { name: 'Capabilities' }).getByRole('button', { name: 'all' }).click();
    await page.getByLabel('Tenant').fill('Not A Tenant');
    await page.getByRole('button', { name: 'Create' }).click();
    await faultOf(page, 'Tenant').getByText("This has not the right form: 1 to 63 of a-z, 0-9, '-', '_'").waitFor();
    await page.getByLabel('Tenant').fill('default');
    await page.getByLabel('From addresses').fill('10.0.0.0/8\nten');
    await page.getByRole('button', { name: 'Create' }).click();
    await faultOf(page, 'From addresses').getByText('This has not the right form: such as 10.0.0.0/8').waitFor();
    expect(await page.getByLabel('From addresses').getAttribute('aria-invalid')).toBe('true');
    expect(await page.getByLabel('Tenant').getAttribute('aria-invalid')).toBe('false');
    await page.getByLabel('From addresses').fill('');
    await page.getByLabel('Tokens a minute').fill('9999999999999');
    await page.getByRole('button', { name: 'Create' }).click();
    await faultOf(page, 'Tokens a minute').getByText('This must be at most 1000000000000.').waitFor();
    await expectAccessible(page);
});

it('finds keys by words, from the address', async () => {
    for (const name of ['alpha one', 'beta two']) await site.newKey(name, 'viewer');
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
    const { key } = await site.newKey('looker', 'viewer');
    const page = await site.openAs(key, '/keys');
    await page.getByRole('alert').getByText('It needs the role admin; you are signed in as looker').waitFor();
    await expectAccessible(page);
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

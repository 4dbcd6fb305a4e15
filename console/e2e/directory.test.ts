import { expect, it } from 'vitest';
import { expectAccessible, goByKeys } from './browser';
import { echo } from './server';
import { serve } from './site';

const site = serve({ engines: [echo] });
const { server } = site;

const callAs = async (key: string) => {
    const answer = await fetch(`${server.client}/api/v1/jobs`, {
        method: 'POST', body: JSON.stringify({ capability: 'echo', input: { text: 'x' } }),
        headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json', 'Prefer': 'wait=20' },
    });
    return answer.status;
};

it('an app gets a record with limits, is switched off and on, and goes', async () => {
    const page = await site.open('/directory?kind=apps');
    await page.getByText('There are no apps.').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'New app' }).click();
    const dialog = page.getByRole('dialog', { name: 'New app' });
    expect(await dialog.getByLabel('Name').evaluate((field) => field === document.activeElement)).toBe(true);
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('alert').getByText('This is required.').waitFor();
    await page.keyboard.press('Shift+Tab');
    await dialog.getByLabel('Name').fill('not an app!');
    await dialog.getByLabel('Requests a minute').fill('600');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('alert').getByText('This has not the right form').waitFor();
    await expectAccessible(page);
    await dialog.getByLabel('Name').fill('shop');
    await dialog.getByRole('button', { name: 'Create' }).click();
    const row = page.locator('tbody tr').filter({ hasText: 'shop' });
    await row.getByText('600/min').waitFor();

    const { id, key } = await site.newKey('till', 'caller', { app: 'shop' });
    expect(await callAs(key)).toBe(200);
    await row.getByRole('button', { name: 'Switch off shop' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Switch off', exact: true }).last().click();
    await row.getByText('switched off').waitFor();
    expect(await callAs(key)).toBe(403);
    await expectAccessible(page);
    await row.getByRole('button', { name: 'Switch on shop' }).click();
    await row.getByText('on', { exact: true }).waitFor();
    expect(await callAs(key)).toBe(200);

    // It stays while a key of it works, and the page says so.
    await row.getByRole('button', { name: 'Remove shop' }).click();
    const sure = page.getByRole('dialog', { name: 'Remove shop' });
    await sure.getByRole('button', { name: 'Remove', exact: true }).click();
    await sure.getByRole('alert').waitFor();
    await server.remove(server.control, `/keys/${id}`);
    await sure.getByRole('button', { name: 'Remove', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    expect(page.wrong).toEqual([]);
});

it('a tenant gets limits for models, and a user its role', async () => {
    const page = await site.open('/directory');
    await page.getByRole('button', { name: 'New tenant' }).click();
    await page.getByLabel('Name').fill('acme');
    await page.getByRole('button', { name: 'Add a model' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').getByText('This is required.').waitFor();
    await page.getByRole('textbox', { name: 'Model 1' }).fill('org/model');
    await page.locator('.form-row').getByLabel('Requests at a time').fill('4');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Create' }).click();
    const row = page.locator('tbody tr').filter({ hasText: 'acme' });
    await row.getByText('1 model').waitFor();
    const told = await server.get<{ models: unknown }>(server.control, '/tenants/acme');
    expect(told.models).toEqual({ 'org/model': { concurrency: 4 } });
    await row.getByRole('button', { name: 'Edit acme' }).click();
    expect(await page.locator('.form-row').getByLabel('Requests at a time').inputValue()).toBe('4');
    await page.getByLabel('Title').fill('The Acme company');
    await page.getByRole('button', { name: 'Remove model 1' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await row.getByText('The Acme company').waitFor();
    await expect.poll(async () => (await server.get<{ models: unknown }>(server.control, '/tenants/acme')).models).toEqual({});

    await page.getByRole('button', { name: 'Users', exact: true }).click();
    await page.waitForURL(/kind=users/);
    await page.getByRole('button', { name: 'New user' }).click();
    await page.getByLabel('Name').fill('ann');
    await page.getByLabel('E-mail').fill('ann@example.com');
    await page.getByLabel('Role').selectOption('viewer');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('tbody tr').filter({ hasText: 'ann@example.com' }).getByText('viewer').waitFor();
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('Nothing matches.').waitFor();
    expect(page.wrong).toEqual([]);
});

it('an admin of a tenant sees its own apps and users, and no tenants; others are told that it is not for them', async () => {
    await server.post(server.control, '/apps', { name: 'theirs', tenant: 'acme' });
    await server.post(server.control, '/apps', { name: 'ours' });
    const admin = await site.newKey('their admin', 'admin', { tenant: 'acme' });
    const page = await site.openAs(admin.key, '/directory');
    await page.locator('tbody').getByText('theirs').waitFor();
    expect(await page.getByText('ours', { exact: true }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Tenants' }).count()).toBe(0);
    const operator = await site.newKey('operator', 'operator');
    const other = await site.openAs(operator.key, '/directory');
    await other.getByRole('alert').getByText('It needs the role admin').waitFor();
    expect(await other.getByRole('link', { name: 'Directory' }).count()).toBe(0);
    await expectAccessible(other);
});

it('goes by keyboard, speaks Chinese and fits a phone', async () => {
    await server.post(server.control, '/tenants', { name: 'longer-than-others', limits: { requests_per_minute: 600, concurrency: 40 } });
    const page = await site.signedIn({ locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await goByKeys(page, ['g', 'd'], '目录');
    await page.locator('tbody tr').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

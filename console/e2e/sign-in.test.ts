import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { serve } from './site';

const site = serve();
const { server } = site;

it('a one-time link signs in once and leaves no trace in the address', async () => {
    const link = server.link();
    const page = await site.at(link);
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    expect(page.url()).toBe(`${server.control}/console/`);
    expect(page.wrong).toEqual([]);

    const second = await site.at(link);
    await second.getByText('This link was used before').waitFor();
    expect(second.url()).not.toContain('sign-in');
    await expectAccessible(second);
});

it('a key signs in, a wrong one is told so, and one lands where one wanted to go', async () => {
    const page = await site.fresh('/jobs?state=failed');
    const field = page.getByLabel('With an API key');
    await field.waitFor();
    await expectAccessible(page);
    await field.fill('hr_wrong_key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This key or link is not valid').waitFor();
    await field.fill(server.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('No job matches this filter.').waitFor();
    const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
    expect(kept).not.toContain('hr_');
});

it('signing out ends the session, also of other pages of the browser', async () => {
    const page = await site.signedIn();
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    const other = await page.context().newPage();
    await other.goto(`${server.control}/console/jobs`);
    await other.getByText('There are no jobs yet').waitFor();
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await other.getByText('Your session has ended').waitFor();
});

it('a caller is shown the playground and not the status', async () => {
    const { key } = await site.newKey('app', 'caller');
    const page = await site.openAs(key, '/');
    await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
    expect(await page.getByRole('link', { name: 'Status' }).count()).toBe(0);
});

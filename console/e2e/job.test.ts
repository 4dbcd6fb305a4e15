import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { echo, type Server } from './server';
import { serve } from './site';

const site = serve({ engines: [echo] });
const { server } = site;

/** Signed in first, so that a short job is still there when its page opens. */
async function openJob(submit: (server: Server) => Promise<{ id: string }>) {
    const page = await site.signedIn();
    const { id } = await submit(server);
    await page.goto(`${server.control}/console/jobs/${id}`);
    return { page, id };
}

it('follows a job to its end', async () => {
    const { page, id } = await openJob((to) => to.submit('echo_slow', { text: 'slow and steady', duration_ms: 10_000 }));
    await page.getByRole('progressbar').waitFor();
    await page.getByText('succeeded', { exact: true }).waitFor();
    await page.getByText('slow and steady').first().waitFor();
    await page.getByRole('list', { name: 'Timeline' }).getByText('Attempt 1').waitFor();
    await page.getByText('echo_slow@1.0.0/0').waitFor();
    await page.getByRole('button', { name: 'Copy the id' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(id);
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('cancels a running job and retries it as a new one', async () => {
    const { page, id } = await openJob((to) => to.submit('echo_slow', { text: 'x', duration_ms: 60_000 }));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('retry of another job').waitFor();
    expect(page.url()).not.toContain(id);
    await page.getByRole('button', { name: 'Cancel' }).click();
});

it('says why a job failed and what to try', async () => {
    const { page } = await openJob((to) => to.submit('echo_slow', { text: 'x', duration_ms: 60_000 }, { timeout: 1 }));
    await page.getByRole('alert').getByText('the job ran longer than its timeout').waitFor();
    await page.getByText('Give it more time').waitFor();
    await expectAccessible(page);
});

it('says so when there is no such job', async () => {
    const { page } = await openJob(() => Promise.resolve({ id: '01900000-0000-7000-8000-000000000000' }));
    await page.getByRole('alert').getByText('cannot be shown').waitFor();
    await page.goto(`${server.control}/console/no/such/page`);
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await expectAccessible(page);
});

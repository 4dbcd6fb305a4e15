import { expect, it } from 'vitest';
import { expectAccessible, goByKeys } from './browser';
import { Fake, fakesOf } from './fake-upstream';
import { chat as chatEngine } from './server';
import { serve } from './site';

const site = serve({
    engines: [chatEngine],
    settings: ['request_log.enabled=true', 'request_log.bodies=true', 'request_log.redact=[0-9]{4}'],
});
const { server } = site;
const fakes = fakesOf();

const ask = async (key: string, model: string, content: string, more = {}) => {
    const answer = await fetch(`${server.client}/v1/chat/completions`, {
        method: 'POST', body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...more }),
        headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' },
    });
    await answer.text();
    return answer.status;
};

interface Line {
    job: string;
    model: string;
}

/** Lines come a moment after the answers. */
const logged = async (count: number, query = '') => {
    let found: Line[] = [];
    await server.until(async () => {
        found = (await server.get<{ requests: Line[] }>(server.control, `/requests?limit=200${query}`)).requests;
        return found.length >= count;
    }, 60_000);
    expect(found.length).toBe(count);
    return found;
};

/** A server of a model that everybody may use. */
const offer = async (name: string, model: string) => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', {
        name, tenant: 'system', base_url: fake.url, models: [{ id: model, remote: 'm' }], probe_every: 0, failures: 1000,
    });
    return fake;
};

it('lists calls, filters them, and shows all of one: texts, times, tokens, upstream, job', async () => {
    const tenant = 'shops';
    const fake = await offer('vllm-1', 'org/m');
    await server.post(server.control, '/apps', { name: 'storefront', tenant });
    const shop = await site.newKey('till-3', 'caller', { tenant, app: 'storefront' });
    const office = await site.newKey('office', 'caller', { tenant });
    const written = (count: number) => logged(count, `&tenant=${tenant}`);
    expect(await ask(shop.key, 'org/m', 'my card is 4111 and my name is Ann')).toBe(200);
    await written(1);
    expect(await ask(office.key, 'chat', 'one two three', { stream: true })).toBe(200);
    await written(2);
    const answer = await fetch(`${server.client}/api/v1/jobs`, {
        method: 'POST', body: JSON.stringify({ capability: 'chat', input: { messages: [{ role: 'user', content: 'kept as a job' }] } }),
        headers: { 'Authorization': `Bearer ${office.key}`, 'Content-Type': 'application/json' },
    });
    const job = (await answer.json()) as { id: string };
    await written(3);
    fake.refuses = 400;
    expect(await ask(shop.key, 'org/m', 'refused')).toBe(400);
    await written(4);

    const page = await site.open(`/requests?tenant=${tenant}`);
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(4);
    await rows.first().getByText('HTTP 400').waitFor();
    await rows.last().getByText('till-3').waitFor();
    await expectAccessible(page);
    expect(await page.content()).not.toContain('4111');

    await page.getByLabel('App', { exact: true }).fill('storefront');
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.waitForURL(/app=storefront/);
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByLabel('HTTP status').fill('400');
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByLabel('HTTP status').fill('999');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The request log cannot be searched').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    // The address comes first; the fields take over what it says a moment later.
    await expect.poll(() => page.getByLabel('Tenant', { exact: true }).inputValue()).toBe('');
    expect(page.url()).toMatch(/\/requests$/);
    await page.getByLabel('Tenant', { exact: true }).fill(tenant);
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole('button', { name: 'failed', exact: true }).click();
    await page.getByText('No call matches.').waitFor();
    await page.getByRole('button', { name: 'any', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole('button', { name: '1 h', exact: true }).click();
    await page.waitForURL(/hours=1/);
    await page.getByRole('button', { name: '1 h', exact: true, pressed: true }).waitFor();
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByLabel('Part of a text, or an id').fill('NAME IS');
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.count()).toBe(1);

    await rows.getByRole('button').click();
    const drawer = page.getByRole('dialog', { name: 'Call of org/m' });
    const fact = (name: string) => drawer.locator('dl > div').filter({ has: page.locator('dt').getByText(name, { exact: true }) }).locator('dd').innerText();
    expect(await fact('Upstream')).toBe('vllm-1');
    expect(await fact('App')).toBe('storefront');
    expect(await fact('Key')).toContain('till-3');
    expect(await fact('Prompt tokens')).toBe('7');
    expect(await fact('Completion tokens')).toBe('3');
    expect(await fact('Total')).toMatch(/ m?s$/);
    await drawer.getByText('Not durable').waitFor();
    await drawer.getByText('shown to keys of its tenant').waitFor();
    expect(await drawer.getByRole('link', { name: 'Show the job' }).count()).toBe(0);
    await drawer.getByRole('region', { name: 'Request' }).getByText('my card is [redacted] and my name is Ann').waitFor();
    await drawer.getByRole('region', { name: 'Answer' }).getByText('Hello').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });

    // An address for each call, also for one that the list does not hold; the tenant's own admin gets to its job.
    const boss = await site.openAs((await site.newKey('boss', 'admin', { tenant })).key, `/requests?model=org/m&call=${job.id}`);
    const other = boss.getByRole('dialog', { name: 'Call of chat' });
    await other.getByText('an engine of this server').waitFor();
    expect(await other.getByText('Not durable').count()).toBe(0);
    await other.getByRole('link', { name: 'Show the job' }).click();
    await boss.waitForURL(`**/jobs/${job.id}`);
    await boss.getByRole('heading', { level: 1 }).waitFor();
    expect(boss.wrong).toEqual([]);

    await site.visit(page, `/requests?tenant=${tenant}&model=chat`);
    await expect.poll(() => rows.count()).toBe(2);
    await rows.last().getByRole('button').click();
    const streamed = page.getByRole('dialog', { name: 'Call of chat' }).locator('dl > div').filter({ hasText: 'First token' }).locator('dd');
    expect(await streamed.innerText()).toMatch(/ m?s$/);
    expect(page.wrong).toEqual([]);
});

it('goes on from page to page', async () => {
    const { id, key } = await site.newKey('many', 'caller', { tenant: 'many' });
    await offer('many', 'org/many');
    for (let n = 0; n < 55; n += 1) expect(await ask(key, 'org/many', `number ${n}.`)).toBe(200);
    await logged(55, `&key=${id}`);
    const page = await site.open(`/requests?key=${id}`);
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(50);
    await page.getByText('Searched back to').waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => rows.count()).toBe(55);
    await page.getByText('The whole log was searched.').waitFor();
    await rows.last().getByRole('button').click();
    await page.getByRole('dialog').getByText('number 0.').waitFor();
    expect(page.wrong).toEqual([]);
});

it('shows the admin of a tenant what is the tenant’s, and viewers nothing', async () => {
    await offer('all', 'org/all');
    const caller = await site.newKey('of-acme', 'caller', { tenant: 'acme' });
    expect(await ask(caller.key, 'org/all', 'from acme')).toBe(200);
    await logged(1, '&tenant=acme');
    const admin = await site.newKey('boss', 'admin', { tenant: 'acme' });
    const page = await site.openAs(admin.key, '/requests');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.getByText('of-acme').waitFor();
    expect(await page.getByLabel('Tenant', { exact: true }).count()).toBe(0);
    await expectAccessible(page);
    const viewer = await site.openAs((await site.newKey('viewer', 'viewer')).key, '/requests');
    await viewer.getByRole('alert').getByText('It needs the role operator').waitFor();
    expect(await viewer.getByRole('link', { name: 'Requests' }).count()).toBe(0);
});

it('goes by keyboard, speaks Chinese and fits a phone', async () => {
    const { key } = await site.newKey('phone', 'caller', { tenant: 'phones' });
    await offer('phone', 'org/a-model-with-a-rather-long-name');
    expect(await ask(key, 'org/a-model-with-a-rather-long-name', 'x'.repeat(400))).toBe(200);
    await logged(1, '&tenant=phones');
    const page = await site.signedIn({ locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await goByKeys(page, ['g', 'r'], '请求');
    await page.locator('tbody tr').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
    await page.locator('tbody button').first().click();
    await page.getByRole('dialog').getByText('用时', { exact: true }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

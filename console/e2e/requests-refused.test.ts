import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { Fake, fakesOf } from './fake-upstream';
import { serve } from './site';

const site = serve({ settings: ['request_log.enabled=true'] });
const { server } = site;
const fakes = fakesOf();

it('shows what was refused, by the id that its caller was told', async () => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', {
        name: 'strict', tenant: 'system', base_url: fake.url, models: [{ id: 'org/strict', remote: 'm' }], probe_every: 0, failures: 1000,
    });
    const { id, key } = await site.newKey('strict', 'caller', { limits: { requests_per_day: 1 } });
    const ask = () => fetch(`${server.client}/v1/chat/completions`, {
        method: 'POST', body: JSON.stringify({ model: 'org/strict', messages: [{ role: 'user', content: 'x' }] }),
        headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' },
    });
    const first = await ask();
    expect(first.status).toBe(200);
    await first.text();
    const second = await ask();
    expect(second.status).toBe(429);
    const told = second.headers.get('x-request-id') ?? '';
    // Lines come a moment after the answers.
    await server.until(async () => (await server.get<{ requests: unknown[] }>(server.control, `/requests?key=${id}`)).requests.length === 2, 60_000);
    const page = await site.open(`/requests?key=${id}`);
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(2);
    await rows.getByText('HTTP 429 · rate_limit_exceeded').waitFor();
    await page.getByRole('button', { name: 'refused', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByLabel('Part of a text, or an id').fill(told);
    await page.keyboard.press('Enter');
    await page.waitForURL(/text=req_/);
    await expect.poll(() => rows.count()).toBe(1);
    await rows.getByRole('button').click();
    const drawer = page.getByRole('dialog', { name: 'Call of org/strict' });
    await drawer.getByText(told, { exact: true }).waitFor();
    await drawer.getByText('none: it was refused').waitFor();
    expect(await drawer.getByText('Tokens', { exact: true }).count()).toBe(0);
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { expectAccessible, goByKeys } from './browser';
import { Fake, fakesOf } from './fake-upstream';
import { serve } from './site';

const site = serve({ engines: [] });
const { server } = site;

const fakes = fakesOf();

const chat = (key: string) => fetch(`${server.client}/v1/chat/completions`, {
    method: 'POST', body: JSON.stringify({ model: 'org/model', messages: [{ role: 'user', content: 'hi' }] }),
    headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' },
});

it('says how to add a first one, and what is wrong beside its field', async () => {
    const page = await site.open('/upstreams');
    await page.getByText('headrace upstreams add').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Add upstream' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add upstream' });
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await expect.poll(() => dialog.getByRole('alert').count()).toBe(3);
    await dialog.getByLabel('Name', { exact: true }).fill('Not A Name');
    await dialog.getByLabel('Address').fill('ftp://host/');
    await dialog.getByLabel('Model 1: what callers name').fill('m');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    const fault = (label: string) => dialog.locator('.form-field').filter({ has: page.getByLabel(label, { exact: true }) }).last().getByRole('alert');
    await fault('Name').getByText('This has not the right form').waitFor();
    await fault('Address').getByText('This has not the right form: http or https').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('adds a server, tests it, shows what it did and why it failed, disables and removes it', async () => {
    const fake = await new Fake(fakes).start();
    const page = await site.open('/upstreams');
    await page.getByRole('button', { name: 'Add upstream' }).click();
    await page.getByLabel('Name', { exact: true }).fill('vllm-1');
    await page.getByLabel('Address').fill(fake.url);
    await page.getByLabel('Its key').fill('sk-secret');
    await page.getByLabel('Model 1: what callers name').fill('org/model');
    await page.getByLabel('What the server calls it').fill('m');
    await page.getByLabel('Weight').fill('2.5');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const servers = page.getByRole('region', { name: 'Servers' });
    const row = servers.locator('tbody tr').filter({ hasText: 'vllm-1' });
    await row.getByText('closed: up').waitFor();
    await row.getByText('2.5').waitFor();
    const pool = page.getByRole('region', { name: 'Pools' }).locator('tbody tr').filter({ hasText: 'org/model' });
    await pool.getByText('1/1').waitFor();
    await page.getByText('No FastChat worker has registered.').waitFor();
    expect(await page.content()).not.toContain('sk-secret');

    expect((await chat(server.key)).status).toBe(200);
    await row.getByTitle('7 prompt, 3 completion').waitFor();
    await row.getByRole('button', { name: 'Test vllm-1' }).click();
    await page.getByRole('status').getByText(/vllm-1 answered in .*: 1 model/).waitFor();
    fake.broken = true;
    await chat(server.key);
    await row.getByText(/status 500/).first().waitFor();
    await row.getByRole('button', { name: 'Test vllm-1' }).click();
    await page.getByRole('alert').getByText('vllm-1 did not answer well').waitFor();
    await expectAccessible(page);

    await row.getByRole('button', { name: 'Edit vllm-1' }).click();
    const edit = page.getByRole('dialog', { name: 'Edit vllm-1' });
    expect(await edit.getByLabel('Its key').inputValue()).toBe('');
    await edit.getByLabel('Priority').fill('4');
    await edit.getByRole('button', { name: 'Save' }).click();
    await edit.waitFor({ state: 'detached' });
    const kept = await server.get<{ priority: number; has_key: boolean }>(server.control, '/upstreams/vllm-1');
    expect(kept).toMatchObject({ priority: 4, has_key: true });
    await row.getByRole('button', { name: 'Disable vllm-1' }).click();
    await row.getByText('disabled').waitFor();
    await pool.getByText('nobody is up').waitFor();
    await expectAccessible(page);
    await row.getByRole('button', { name: 'Enable vllm-1' }).click();
    await row.getByRole('button', { name: 'Disable vllm-1' }).waitFor();
    await row.getByRole('button', { name: 'Remove vllm-1' }).click();
    await page.getByRole('dialog', { name: 'Remove vllm-1' }).getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('No server is dialled yet.').waitFor();
    expect(page.wrong).toEqual([]);
});

it('shows FastChat workers that registered, and when their heart was last heard', async () => {
    const worker = createServer((_request, answer) => {
        answer.writeHead(200, { 'Content-Type': 'application/json' });
        answer.end(JSON.stringify({ model_names: ['vicuna'], speed: 1, queue_length: 2 }));
    });
    fakes.push(worker);
    await new Promise<void>((done) => { worker.listen(0, '127.0.0.1', done); });
    const worker_name = `http://127.0.0.1:${(worker.address() as AddressInfo).port}`;
    const tell = async (route: string, body: object) => {
        const answer = await fetch(`${server.control}/fastchat/${server.fastchatToken}/${route}`, {
            method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' },
        });
        expect(answer.status).toBe(200);
    };
    await tell('register_worker', {
        worker_name, check_heart_beat: true, worker_status: { model_names: ['vicuna'], speed: 1, queue_length: 0 }, multimodal: false,
    });
    await tell('receive_heart_beat', { worker_name, queue_length: 2 });
    const page = await site.open('/upstreams');
    const row = page.getByRole('region', { name: 'FastChat workers' }).locator('tbody tr').filter({ hasText: worker_name });
    for (const fact of ['vicuna', 'expected', / ago$/]) await row.getByText(fact).waitFor();
    await page.getByRole('region', { name: 'Pools' }).getByText('vicuna').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('shows who may only look no buttons, and callers nothing', async () => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', { name: 'seen', base_url: fake.url, models: ['org/other'] });
    const viewer = await site.openAs((await site.newKey('viewer', 'viewer')).key, '/upstreams');
    await viewer.getByRole('region', { name: 'Servers' }).getByText('seen').waitFor();
    expect(await viewer.getByRole('button', { name: 'Add upstream' }).count()).toBe(0);
    expect(await viewer.getByRole('button', { name: /seen/ }).count()).toBe(0);
    await expectAccessible(viewer);
    const caller = await site.openAs((await site.newKey('caller', 'caller')).key, '/upstreams');
    await caller.getByRole('alert').getByText('It needs the role viewer').waitFor();
});

it('goes by keyboard, speaks Chinese and fits a phone', async () => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', { name: 'phone', base_url: fake.url, models: ['org/a-model-with-a-name'] });
    const page = await site.signedIn({ locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await goByKeys(page, ['g', 'm'], '上游');
    await page.locator('tbody tr').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

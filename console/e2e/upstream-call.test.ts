import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { Fake, fakesOf } from './fake-upstream';
import { serve } from './site';

const site = serve({ engines: [] });
const { server } = site;
const fakes = fakesOf();

interface Kept {
    timeouts: Record<string, number>;
    failures: number;
    probe_every: number;
    headers?: Record<string, string>;
    options?: Record<string, string>;
    allow_private: boolean;
    ca?: string;
    server_name?: string;
}

const kept = (name: string) => server.get<Kept>(server.control, `/upstreams/${name}`);
const rowOf = (page: Page, name: string) => page.getByRole('region', { name: 'Servers' }).locator('tbody tr').filter({ hasText: name });
/** What is said below the field of this label. */
const fault = (dialog: Locator, label: string) => (
    dialog.locator('.form-field').filter({ has: dialog.page().getByLabel(label, { exact: true }) }).last().getByRole('alert')
);

const ask = async (model: string) => (await fetch(`${server.client}/v1/chat/completions`, {
    method: 'POST', body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
    headers: { 'Authorization': `Bearer ${server.key}`, 'Content-Type': 'application/json' },
})).status;

async function edit(page: Page, name: string): Promise<Locator> {
    await rowOf(page, name).getByRole('button', { name: `Edit ${name}` }).click();
    const dialog = page.getByRole('dialog', { name: `Edit ${name}` });
    for (const title of ['Timeouts and circuit', 'TLS and network', 'Header fields and options']) await dialog.getByText(title, { exact: true }).click();
    return dialog;
}

async function save(dialog: Locator): Promise<void> {
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
}

it('sets timeouts, circuit, header fields and options; secrets go in and never come out', async () => {
    const fake = await new Fake(fakes).start();
    const page = await site.open('/upstreams');
    await page.getByRole('button', { name: 'Add upstream' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add upstream' });
    await dialog.getByLabel('Name', { exact: true }).fill('gpu-1');
    await dialog.getByLabel('Address').fill(fake.url);
    await dialog.getByLabel('Model 1: what callers name').fill('org/a');
    await dialog.getByText('Timeouts and circuit', { exact: true }).click();
    await dialog.getByLabel('To connect, s').fill('2.5');
    await dialog.getByLabel('In all, s').fill('90');
    await dialog.getByText('Header fields and options', { exact: true }).click();
    for (const [at, value] of ['secret-one', 'secret-two'].entries()) {
        await dialog.getByRole('button', { name: 'Add a header field' }).click();
        await dialog.getByLabel(`Field ${at + 1}`, { exact: true }).fill(`X-Field-${at + 1}`);
        await dialog.getByLabel(`Its value (${at + 1})`).fill(value);
    }
    await dialog.getByRole('button', { name: 'Add an option' }).click();
    await dialog.getByLabel('Option 1', { exact: true }).fill('conv_template');
    await dialog.getByLabel('Its value (1)').last().fill('vicuna_v1.1');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await rowOf(page, 'gpu-1').getByText('closed: up').waitFor();
    expect(await kept('gpu-1')).toMatchObject({
        timeouts: { connect: 2.5, first_byte: 300, between: 60, total: 90 }, failures: 3, probe_every: 15, allow_private: true,
        headers: { 'X-Field-1': '***', 'X-Field-2': '***' }, options: { conv_template: 'vicuna_v1.1' },
    });
    expect(await ask('org/a')).toBe(200);
    expect([fake.headers['x-field-1'], fake.headers['x-field-2']]).toEqual(['secret-one', 'secret-two']);

    const change = await edit(page, 'gpu-1');
    expect(await change.getByLabel('In all, s').inputValue()).toBe('90');
    expect(await change.getByLabel('Its value (2)').first().inputValue()).toBe('');
    expect(await page.content()).not.toMatch(/secret-(one|two)/);
    await change.getByLabel('Its value (2)').first().fill('secret-new');
    await change.getByLabel('Failures in a row that open it').fill('7');
    await change.getByLabel('Probed every, s').fill('0');
    await change.getByRole('button', { name: 'Remove option 1' }).click();
    await save(change);
    const after = await kept('gpu-1');
    expect(after).toMatchObject({ failures: 7, probe_every: 0 });
    expect(after.options).toBeUndefined();
    expect(await ask('org/a')).toBe(200);
    expect([fake.headers['x-field-1'], fake.headers['x-field-2']]).toEqual(['secret-one', 'secret-new']);

    const last = await edit(page, 'gpu-1');
    await last.getByRole('button', { name: 'Remove field 1' }).click();
    await save(last);
    expect(await ask('org/a')).toBe(200);
    expect([fake.headers['x-field-1'], fake.headers['x-field-2']]).toEqual([undefined, 'secret-new']);
    expect(page.wrong).toEqual([]);
});

it('says at its field what is wrong, its own words and the server’s, and unfolds what hides it', async () => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', { name: 'wrong', base_url: fake.url, models: ['org/w'] });
    const page = await site.open('/upstreams');
    const dialog = await edit(page, 'wrong');
    await dialog.getByLabel('To connect, s').fill('');
    await dialog.getByLabel('In all, s').fill('long');
    await dialog.getByRole('button', { name: 'Add a header field' }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fault(dialog, 'To connect, s').getByText('This is required.').waitFor();
    await fault(dialog, 'In all, s').getByText('This must be of type number.').waitFor();
    await fault(dialog, 'Field 1').getByText('This is required.').waitFor();

    // The server's: one of each part, told after all were folded away.
    await dialog.getByLabel('To connect, s').fill('0');
    await dialog.getByLabel('In all, s').fill('90000');
    await dialog.getByLabel('Field 1', { exact: true }).fill('Host');
    await dialog.getByLabel('Its value (1)').fill('elsewhere');
    await dialog.getByLabel('Certificates to trust').fill('no certificate');
    for (const title of ['Timeouts and circuit', 'TLS and network', 'Header fields and options']) await dialog.getByText(title, { exact: true }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fault(dialog, 'To connect, s').waitFor();
    await fault(dialog, 'In all, s').waitFor();
    await dialog.getByLabel('To connect, s').fill('5');
    await dialog.getByLabel('In all, s').fill('60');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fault(dialog, 'Certificates to trust').getByText('only for https').waitFor();
    await fault(dialog, 'Its value (1)').getByText('a field name that is not ours to set').waitFor();
    await expectAccessible(page);
    await dialog.getByLabel('Certificates to trust').fill('');
    await dialog.getByLabel('Field 1', { exact: true }).fill('X-Host');
    await save(dialog);
    expect(await kept('wrong')).toMatchObject({ timeouts: { connect: 5, total: 60 }, headers: { 'X-Host': '***' } });
    expect(page.wrong).toEqual([]);
});

it('dials by https with a certificate and a name of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headrace-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=model.internal',
        '-addext', 'subjectAltName=DNS:model.internal', '-keyout', key, '-out', cert,
    ], { stdio: 'pipe' });
    const pem = readFileSync(cert, 'utf8');
    const https = createServer({ key: readFileSync(key), cert: pem }, (request, answer) => {
        request.resume();
        answer.writeHead(200, { 'Content-Type': 'application/json' });
        answer.end(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] }));
    });
    await new Promise<void>((done) => { https.listen(0, '127.0.0.1', done); });
    try {
        const base_url = `https://127.0.0.1:${(https.address() as AddressInfo).port}/v1`;
        await server.post(server.control, '/upstreams', { name: 'tls', base_url, models: ['org/tls'], probe_every: 0 });
        const page = await site.open('/upstreams');
        const test = () => rowOf(page, 'tls').getByRole('button', { name: 'Test tls' }).click();
        await test();
        await page.getByRole('alert').getByText('tls did not answer well').waitFor();
        const dialog = await edit(page, 'tls');
        await dialog.getByLabel('Certificates to trust').fill(pem);
        await dialog.getByLabel('Name in its certificate').fill('model.internal');
        await save(dialog);
        await test();
        await page.getByRole('status').getByText(/tls answered in .*: 1 model/).waitFor();
        const again = await edit(page, 'tls');
        expect(await again.getByLabel('Certificates to trust').inputValue()).toContain('BEGIN CERTIFICATE');
        await again.getByLabel('Certificates to trust').fill('');
        await again.getByLabel('Name in its certificate').fill('');
        await save(again);
        const after = await kept('tls');
        expect([after.ca, after.server_name]).toEqual([undefined, undefined]);
    } finally {
        https.close();
        rmSync(folder, { recursive: true, force: true });
    }
});

it('lets who runs the server close private networks, and asks nobody else', async () => {
    const fake = await new Fake(fakes).start();
    await server.post(server.control, '/upstreams', { name: 'private', base_url: fake.url, models: ['org/p'] });
    const page = await site.open('/upstreams');
    const dialog = await edit(page, 'private');
    await dialog.getByLabel('May lie in a private network').uncheck();
    await save(dialog);
    expect((await kept('private')).allow_private).toBe(false);
    const operator = await site.openAs((await site.newKey('op', 'operator')).key, '/upstreams');
    const other = await edit(operator, 'private');
    expect(await other.getByLabel('May lie in a private network').count()).toBe(0);
    await other.getByLabel('In all, s').fill('77');
    await save(other);
    expect(await kept('private')).toMatchObject({ allow_private: false, timeouts: { total: 77 } });
});

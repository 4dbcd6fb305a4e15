import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, launch, open } from './browser';
import { chat, Server } from './server';

const server = new Server();
let browser: Browser;

beforeAll(async () => {
    await server.start([chat]);
    browser = await launch();
});
afterAll(async () => {
    await server.stop();
    await browser.close();
});

async function openChat() {
    const page = await open(browser, server.link());
    await page.getByRole('heading', { name: 'Healthy' }).waitFor();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
    return page;
}

it('streams an answer, with its figures, and goes on', async () => {
    const page = await openChat();
    await page.getByLabel('System prompt').fill('Be brief.');
    await page.getByRole('textbox', { name: 'Message' }).fill('What is a headrace?');
    await page.keyboard.press('Enter');
    const answer = page.locator('.turn.is-assistant');
    await page.locator('.turn.is-live').getByText('A headrace').waitFor();
    await answer.getByText(/tokens\/s/).waitFor();
    await answer.locator('.chat-code').getByText('def power').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('And then?');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.turn.is-assistant .turn-facts').count()).toBe(2);
    await page.getByText('"role":"system","content":"Be brief."').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('stops an answer and keeps what came', async () => {
    const page = await openChat();
    await page.getByRole('textbox', { name: 'Message' }).fill('Tell me all.');
    await page.keyboard.press('Enter');
    await page.locator('.turn.is-live').getByText('A headrace').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.turn.is-assistant').getByText('stopped').waitFor();
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.locator('.turn.is-assistant').getByText(/tokens\/s/).waitFor();
    expect(await page.locator('.turn.is-user').count()).toBe(1);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('Ask something.').waitFor();
    await expectAccessible(page);
});

it('parameters reach the engine, and faults stand beside them', async () => {
    const page = await openChat();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('3');
    await page.getByRole('textbox', { name: 'Message' }).fill('Hello');
    await page.keyboard.press('Enter');
    await page.locator('.turn.is-assistant').getByText('3 tokens').waitFor();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('0');
    await page.getByRole('textbox', { name: 'Message' }).fill('Hello?');
    await page.keyboard.press('Enter');
    await page.getByText('This must be at least 1.').waitFor();
    expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('Hello?');
});

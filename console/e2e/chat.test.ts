import { execFileSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { chat } from './server';
import { serve } from './site';

const site = serve({ engines: [chat] });
const { server } = site;

async function openChat() {
    const page = await site.signedIn();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
    return page;
}

const field = (page: Page) => page.getByRole('textbox', { name: 'Message', exact: true });

async function say(page: Page, text: string): Promise<void> {
    await field(page).fill(text);
    await page.keyboard.press('Enter');
}

/** Lets the engine go on with an answer to somebody who wanted it slowly: it holds it after its third word. */
const goOn = () => server.submit('chat', { messages: [{ role: 'user', content: 'Go on.' }] });

const answered = (page: Page, count: number) => expect.poll(() => page.locator('.turn.is-assistant:not(.is-live)').count()).toBe(count);
const asked = (page: Page) => page.locator('.turn.is-user .turn-words').allInnerTexts();

it('streams an answer, with its figures, and goes on', async () => {
    const page = await openChat();
    await page.getByLabel('System prompt').fill('Be brief.');
    await say(page, 'What is a headrace? Slowly.');
    const answer = page.locator('.turn.is-assistant');
    await page.locator('.turn.is-live').getByText('A headrace').waitFor();
    await goOn();
    await answered(page, 1);
    const facts = await answer.locator('.turn-facts').innerText();
    for (const fact of [/first token \d/, /[\d.]+ tokens\/s/, /\d+ prompt tokens/, /\d+ completion tokens/]) expect(facts).toMatch(fact);
    await answer.locator('.chat-code').getByText('def power').waitFor();
    expect(await answer.locator('strong').innerText()).toBe('headrace');
    await say(page, 'And then?');
    await answered(page, 2);
    await page.getByText('"role":"system","content":"Be brief."').waitFor();
    await expectAccessible(page);
    expect(page.wrong).toEqual([]);
});

it('stops an answer, which cancels its job, and keeps what came', async () => {
    const page = await openChat();
    await say(page, 'Tell me all, slowly.');
    await page.locator('.turn.is-live').getByText('A headrace').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.turn.is-assistant').getByText('stopped').waitFor();
    expect(await field(page).evaluate((text) => text === document.activeElement)).toBe(true);
    await server.until(async () => {
        const { totals } = await server.get<{ totals: { cancelled: number } }>(server.control, '/status');
        return totals.cancelled === 1;
    });
    await page.getByRole('button', { name: 'Answer again' }).click();
    await goOn();
    await page.locator('.turn.is-assistant').getByText(/tokens\/s/).waitFor();
    expect(await asked(page)).toEqual(['Tell me all, slowly.']);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('Ask something.').waitFor();
    await expectAccessible(page);
});

it('edits what was said and asks anew from there, by keyboard alone', async () => {
    const page = await openChat();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('3');
    await say(page, 'One?');
    await answered(page, 1);
    await say(page, 'Two?');
    await answered(page, 2);
    const opener = page.getByRole('button', { name: 'Edit this message' }).first();
    await opener.focus();
    await page.keyboard.press('Enter');
    const editor = page.getByRole('textbox', { name: 'Edit this message' });
    expect(await editor.evaluate((text) => text === document.activeElement)).toBe(true);
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    expect(await asked(page)).toEqual(['One?', 'Two?']);
    // It has the focus again after the next paint.
    await expect.poll(() => opener.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await editor.fill('First?');
    await page.keyboard.press('Enter');
    await expect.poll(() => asked(page)).toEqual(['First?']);
    await answered(page, 1);
    await page.locator('.turn.is-assistant').getByText('reached max_tokens').waitFor();
    expect(page.wrong).toEqual([]);
});

it('parameters reach the engine, and faults stand beside them', async () => {
    const page = await openChat();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('3');
    await say(page, 'Hello');
    await page.locator('.turn.is-assistant').getByText('3 completion tokens').waitFor();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('0');
    await say(page, 'Hello?');
    await page.getByText('This must be at least 1.').waitFor();
    expect(await field(page).inputValue()).toBe('Hello?');
    await page.getByRole('button', { name: 'Defaults' }).click();
    expect(await page.getByLabel('max_tokens', { exact: true }).first().inputValue()).toBe('256');
});

it('is kept in its tab, and nowhere after sign-out', async () => {
    const page = await openChat();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('3');
    await say(page, 'A secret.');
    await answered(page, 1);
    await page.reload();
    await page.getByText('A secret.', { exact: true }).waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByText('Ask something.').waitFor();
    const kept = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain('A secret.');
    expect(await kept()).toContain('A secret.');
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    expect(await kept()).not.toContain('A secret.');
});

it('the calls as code do the same from elsewhere', async () => {
    const page = await openChat();
    await page.getByLabel('max_tokens', { exact: true }).first().fill('3');
    await say(page, 'What is "it\'s" $HOME?');
    await answered(page, 1);
    const code = page.getByRole('region', { name: 'As code' });
    const shell = await code.locator('pre').innerText();
    const said = execFileSync('sh', ['-c', shell], { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, HEADRACE_KEY: server.key } });
    expect(said).toContain('"text":"A **headrace** is"');
    expect(said).toContain('"prompt_tokens"');
    await code.getByRole('button', { name: 'OpenAI Python' }).click();
    await code.getByText('model="chat",').waitFor();
    await code.getByRole('button', { name: 'OpenAI JS' }).click();
    const body = /create\((\{[\s\S]*?\n\})\);/.exec(await code.locator('pre').innerText())?.[1] ?? '';
    const read = new Function(`return ${body}`) as () => unknown;
    const answer = await fetch(`${server.client}/v1/chat/completions`, {
        method: 'POST', body: JSON.stringify(read()),
        headers: { 'Authorization': `Bearer ${server.key}`, 'Content-Type': 'application/json' },
    });
    const events = await answer.text();
    expect(answer.status, events).toBe(200);
    expect(events).toContain('"finish_reason":"length"');
    expect(events).toContain('"completion_tokens":3');
    await expectAccessible(page);
});

it('speaks Chinese and fits a phone', async () => {
    const page = await site.open('/playground/chat@1.0.0', { locale: 'zh-CN', viewport: { width: 400, height: 800 } });
    await page.getByRole('textbox', { name: '消息', exact: true }).fill('什么是引水渠？');
    await page.keyboard.press('Enter');
    await page.locator('.turn-facts').getByText(/首个词元/).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await expectAccessible(page);
});

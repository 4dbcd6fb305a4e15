import { join } from 'node:path';
import { it } from 'vitest';
import { launch, open } from './browser';

/**
 * Makes the pictures of the documents, from a server that runs and has had load for some minutes:
 * HEADRACE_PICTURES names the folder, HEADRACE_SIGN_IN a key and HEADRACE_CONTROL_URL the control door. It serves
 * plugins/llama/chat and the example engines, with request_log.enabled; HEADRACE_SPEECH names a WAV of what is said
 * into the microphone.
 */
const folder = process.env['HEADRACE_PICTURES'] ?? '';
const door = process.env['HEADRACE_CONTROL_URL'] ?? 'http://127.0.0.1:8601';

it.skipIf(folder === '')('makes pictures', { timeout: 180_000 }, async () => {
    const browser = await launch([`--use-file-for-fake-audio-capture=${process.env['HEADRACE_SPEECH'] ?? ''}`]);
    const page = await open(browser, `${door}/console/`, { colorScheme: 'light', deviceScaleFactor: 1 });
    await page.getByLabel('With an API key').fill(process.env['HEADRACE_SIGN_IN'] ?? '');
    await page.keyboard.press('Enter');
    await page.getByText('Live').waitFor();
    await page.waitForTimeout(8_000);
    await page.screenshot({ path: join(folder, 'console-status.png') });

    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(`${door}/console/playground/chat`);
    const message = page.getByRole('textbox', { name: 'Message' });
    await page.getByLabel('temperature', { exact: true }).first().fill('0');
    for (const question of ['What is a water wheel?', 'And what is it good for? Answer in two sentences.']) {
        await message.fill(question);
        await page.keyboard.press('Enter');
        await page.locator('.turn.is-live').waitFor();
        await page.locator('.turn.is-live').waitFor({ state: 'detached', timeout: 120_000 });
    }
    await page.evaluate(() => { window.scrollTo(0, 0); });
    await page.screenshot({ path: join(folder, 'console-chat.png') });

    await page.goto(`${door}/console/playground/vad`);
    await page.getByRole('button', { name: 'Speak live' }).click();
    await page.locator('.output').getByText('start').nth(2).waitFor({ timeout: 60_000 });
    await page.screenshot({ path: join(folder, 'console-live.png') });
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByText('Done', { exact: true }).waitFor();

    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(`${door}/console/usage?days=1&by=key`);
    await page.locator('tbody tr').first().waitFor();
    await page.screenshot({ path: join(folder, 'console-usage.png') });

    await page.goto(`${door}/console/requests`);
    await page.locator('tbody tr').first().waitFor();
    await page.screenshot({ path: join(folder, 'console-requests.png') });
    await browser.close();
});

import { expect, it } from 'vitest';
import { expectAccessible } from './browser';
import { Site } from './site';

/** A server of its own: nobody has called it. */
const alone = async (settings: string[], text: string, more: string) => {
    const other = new Site();
    await other.start({ engines: [], settings });
    try {
        const page = await other.open('/requests');
        await page.getByText(text).waitFor();
        await page.getByText(more).first().waitFor();
        await expectAccessible(page);
        expect(page.wrong).toEqual([]);
    } finally {
        await other.stop();
    }
};

it('says how the log is turned on where it is off', async () => {
    await alone([], 'The request log is off.', 'request_log.enabled=true');
});

it('says so where nothing was asked yet', async () => {
    await alone(['request_log.enabled=true'], 'No call was written down yet.', 'The whole log was searched.');
});

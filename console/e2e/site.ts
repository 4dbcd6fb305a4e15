import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launch, open, type ConsolePage } from './browser';
import { Server } from './server';

interface Choice {
    /** Folders; without them the echo engines and the chat. */
    engines?: string[];
    settings?: string[];
    /** More of the browser's flags. */
    flags?: () => Promise<string[]>;
}

/** One server and one browser for a file of tests: each test opens pages of its own, signed in anew. */
export class Site {
    readonly server = new Server();
    private browser: Browser | undefined;

    async start({ engines, settings, flags }: Choice): Promise<void> {
        await this.server.start(engines, settings);
        this.browser = await launch(await flags?.());
    }

    async stop(): Promise<void> {
        await this.server.stop();
        await this.browser?.close();
    }

    /** An address of the console, of nobody who is signed in. */
    fresh(path: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
        return this.at(`${this.server.control}/console${path}`, options);
    }

    /** Any address, such as a sign-in link. */
    at(url: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
        if (!this.browser) throw new Error('the browser has not started');
        return open(this.browser, url, options);
    }

    /** Signed in by a link as the system's admin, at the first page. */
    async signedIn(options: BrowserContextOptions = {}): Promise<ConsolePage> {
        const page = await this.at(this.server.link(), options);
        await page.getByRole('heading', { level: 1 }).waitFor();
        return page;
    }

    /** Goes where `path` leads; it has a heading when it is there. */
    async visit(page: ConsolePage, path: string): Promise<ConsolePage> {
        await page.goto(`${this.server.control}/console${path}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        return page;
    }

    /** Both at once. */
    async open(path: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
        return this.visit(await this.signedIn(options), path);
    }

    /** Signed in by the secret of a key. */
    async openAs(key: string, path: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
        const page = await this.fresh(path, options);
        await page.getByLabel('With an API key').fill(key);
        await page.keyboard.press('Enter');
        await page.getByLabel('With an API key').waitFor({ state: 'detached' });
        return page;
    }

    /** A new key of the role, of the tenant `default` unless it is named. */
    async newKey(name: string, role: string, more: object = {}): Promise<{ id: string; key: string }> {
        return this.server.post(this.server.control, '/keys', { name, role, ...more });
    }
}

/** For the whole file: started before its first test, gone after its last. */
export function serve(choice: Choice = {}): Site {
    const site = new Site();
    beforeAll(() => site.start(choice));
    afterAll(() => site.stop());
    return site;
}

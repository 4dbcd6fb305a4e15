import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const binary = process.env['HEADRACE_BIN'] ?? join(root, 'build/dev/headrace');
export const echo = join(root, 'examples/engines/echo');
export const chat = join(root, 'console/e2e/engines/chat');

/** The capabilities of the engines in a folder. */
function offeredIn(folder: string): string[] {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => basename(path) === 'engine.toml');
    return files.flatMap((path) => /^capability = "([^"]+)"/m.exec(readFileSync(join(folder, path), 'utf8'))?.[1] ?? []);
}

/** One real `headrace serve` on a data folder and ports of its own. */
export class Server {
    private readonly folder = mkdtempSync(join(tmpdir(), 'headrace-console-'));
    private process: ChildProcess | undefined;
    client = '';
    control = '';

    get key(): string {
        return readFileSync(join(this.folder, 'admin.key'), 'utf8').trim();
    }

    /** What stands in the address of FastChat's controller. */
    get fastchatToken(): string {
        return readFileSync(join(this.folder, 'data', 'fastchat.token'), 'utf8').trim();
    }

    async start(engines: string[] = [echo, chat], settings: string[] = []): Promise<void> {
        const words = ['serve', '--data', join(this.folder, 'data'), '--admin-key-file', join(this.folder, 'admin.key')];
        words.push('--client', '127.0.0.1:0', '--control', '127.0.0.1:0');
        for (const engine of engines) words.push('--engine', engine);
        for (const setting of settings) words.push('--set', setting);
        const child = spawn(binary, words, { stdio: ['ignore', 'pipe', 'pipe'] });
        this.process = child;
        let said = '';
        await new Promise<void>((done, fail) => {
            const heard = (data: Buffer) => {
                said += data.toString();
                this.client = /client +(http:\S+)/.exec(said)?.[1] ?? '';
                this.control = /control +(http:\S+)/.exec(said)?.[1] ?? '';
                if (this.client && this.control) done();
            };
            child.stdout.on('data', heard);
            child.stderr.on('data', heard);
            child.on('exit', () => { fail(new Error(`headrace serve ended:\n${said}`)); });
        });
        const offered = engines.flatMap(offeredIn);
        await this.until(async () => {
            const free = await this.free();
            return offered.every((name) => free.has(name));
        });
    }

    /** The capabilities that a worker would take a job of. */
    private async free(): Promise<Set<string | undefined>> {
        const { queues } = await this.get<{ queues: { capability: string; free_slots: number }[] }>(this.control, '/queues');
        return new Set(queues.filter((queue) => queue.free_slots > 0).map(({ capability }) => capability.split('@')[0]));
    }

    async until(true_: () => Promise<boolean>, within_ms = 60_000): Promise<void> {
        const deadline = Date.now() + within_ms;
        while (!(await true_())) {
            if (Date.now() > deadline) throw new Error('it did not come true in time');
            await new Promise((done) => { setTimeout(done, 50); });
        }
    }

    /** A one-time link, as the command line prints it. */
    link(): string {
        const words = ['console', '--control', this.control, '--key-file', join(this.folder, 'admin.key')];
        return execFileSync(binary, words, { encoding: 'utf8', stdio: 'pipe' }).trim();
    }

    async get<T>(door: string, path: string): Promise<T> {
        const answer = await fetch(`${door}/api/v1${path}`, { headers: { Authorization: `Bearer ${this.key}` } });
        return (await answer.json()) as T;
    }

    async post<T>(door: string, path: string, body: unknown): Promise<T> {
        const answer = await fetch(`${door}/api/v1${path}`, {
            method: 'POST', body: JSON.stringify(body),
            headers: { 'Authorization': `Bearer ${this.key}`, 'Content-Type': 'application/json' },
        });
        if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
        return (await answer.json()) as T;
    }

    async remove(door: string, path: string): Promise<void> {
        const answer = await fetch(`${door}/api/v1${path}`, { method: 'DELETE', headers: { Authorization: `Bearer ${this.key}` } });
        if (!answer.ok) throw new Error(`DELETE ${path}: ${answer.status} ${await answer.text()}`);
    }

    submit(capability: string, input: unknown, more: object = {}): Promise<{ id: string }> {
        return this.post(this.client, '/jobs', { capability, input, ...more });
    }

    async stop(): Promise<void> {
        const child = this.process;
        if (child && child.exitCode === null) {
            const gone = new Promise((done) => { child.once('exit', done); });
            // Jobs that tests leave behind need not end first; the engines' processes go with the server.
            child.kill('SIGKILL');
            await gone;
        }
        // They may write a last file while the folder goes.
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
}

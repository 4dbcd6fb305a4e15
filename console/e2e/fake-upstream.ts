import { createServer, type IncomingHttpHeaders, type Server as Http } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

/** Servers of a file of tests, closed behind its last. */
export function fakesOf(): Http[] {
    const fakes: Http[] = [];
    afterAll(() => { for (const fake of fakes) fake.close(); });
    return fakes;
}

/** An OpenAI-style server with one model, which fails while it is told to. */
export class Fake {
    broken = false;
    /** Another status than 200 for chats, with the message of an error. */
    refuses = 0;
    url = '';
    /** Of the last chat. */
    headers: IncomingHttpHeaders = {};

    constructor(private readonly fakes: Http[]) {}

    async start(): Promise<this> {
        const http = createServer((request, answer) => {
            request.resume();
            request.on('end', () => {
                const chat = request.url?.endsWith('/chat/completions') ?? false;
                if (chat) this.headers = request.headers;
                const status = this.broken ? 500 : chat && this.refuses > 0 ? this.refuses : 200;
                const body = chat ? {
                    id: 'c', object: 'chat.completion', created: 1, model: 'm', usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
                    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
                } : { object: 'list', data: [{ id: 'm', object: 'model' }] };
                answer.writeHead(status, { 'Content-Type': 'application/json' });
                answer.end(JSON.stringify(status === 200 ? body : { error: { message: 'out of memory' } }));
            });
        });
        this.fakes.push(http);
        await new Promise<void>((done) => { http.listen(0, '127.0.0.1', done); });
        this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`;
        return this;
    }
}

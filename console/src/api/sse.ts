export interface ServerEvent {
    id: string;
    event: string;
    data: string;
}

/** Feeds text in pieces, gives whole events; the server-sent events of the HTML standard. */
export class EventParser {
    private rest = '';
    private id = '';
    private event = '';
    private data: string[] = [];

    push(text: string): ServerEvent[] {
        const out: ServerEvent[] = [];
        // A lone CR at the end may be half of a CRLF: it waits for what follows.
        const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
        this.rest = lines.pop() ?? '';
        for (const line of lines) {
            if (line === '') this.flush(out);
            else this.field(line);
        }
        return out;
    }

    private field(line: string): void {
        const colon = line.indexOf(':');
        if (colon === 0) return;
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
        if (name === 'data') this.data.push(value);
        else if (name === 'event') this.event = value;
        else if (name === 'id') this.id = value;
    }

    private flush(out: ServerEvent[]): void {
        if (this.data.length > 0) {
            out.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
        }
        this.event = '';
        this.data = [];
    }
}

/** The events of an answer's body until it ends. */
export async function* eventsOf(answer: Response): AsyncGenerator<ServerEvent> {
    const reader = answer.body?.getReader();
    if (!reader) return;
    const decoder = new TextDecoder();
    const parser = new EventParser();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            yield* parser.push(decoder.decode(value, { stream: true }));
        }
    } finally {
        void reader.cancel().catch(() => undefined);
    }
}

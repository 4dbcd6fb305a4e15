import { describe, expect, it } from 'vitest';
import { EventParser } from './sse';

describe('EventParser', () => {
    it('gives whole events from pieces that end anywhere', () => {
        const text = 'id: 1\nevent: state\ndata: {"a":1}\n\n: keep-alive\n\ndata: x\ndata: y\n\n';
        for (let cut = 0; cut <= text.length; cut += 1) {
            const parser = new EventParser();
            const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
            expect(events).toEqual([
                { id: '1', event: 'state', data: '{"a":1}' },
                { id: '1', event: 'message', data: 'x\ny' },
            ]);
        }
    });

    it('takes CRLF, also when a piece ends between CR and LF', () => {
        const parser = new EventParser();
        expect(parser.push('data: x\r')).toEqual([]);
        expect(parser.push('\n\r\n')).toEqual([{ id: '', event: 'message', data: 'x' }]);
    });

    it('keeps an unfinished event back', () => {
        const parser = new EventParser();
        expect(parser.push('event: done\ndata: 1\n')).toEqual([]);
        expect(parser.push('\n')).toHaveLength(1);
    });
});

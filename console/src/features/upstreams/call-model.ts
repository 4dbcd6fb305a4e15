import type { FieldFault } from '../../api/client';
import { phases, type Phase, type Upstream, type UpstreamChange } from '../../api/upstream-types';

/** A name with a value, as it is typed; `set`: the server has a value for it that it does not tell. */
export interface PairDraft {
    name: string;
    value: string;
    set: boolean;
}

/** How a server is called, beyond its address and key. */
export interface CallDraft {
    timeouts: Record<Phase, string>;
    failures: string;
    probe_every: string;
    ca: string;
    server_name: string;
    headers: PairDraft[];
    options: PairDraft[];
    allow_private: boolean;
    /** What stood there before, so that emptying it says so. */
    had: { ca: boolean; server_name: boolean; headers: boolean; options: boolean };
}

/** What the server takes where nothing is said. */
export const usual: Record<Phase | 'failures' | 'probe_every', string> = {
    connect: '5', first_byte: '300', between: '60', total: '1800', failures: '3', probe_every: '15',
};

/** What stands for a value that is set and not told. */
const stars = '***';

export const newPair = (): PairDraft => ({ name: '', value: '', set: false });

export function callDraftOf(upstream: Upstream | undefined): CallDraft {
    const time = (phase: Phase) => (upstream ? String(upstream.timeouts[phase]) : '');
    const pairs = (named: Record<string, string> = {}, hidden: boolean) => (
        Object.entries(named).map(([name, value]) => ({ name, value: hidden ? '' : value, set: hidden }))
    );
    return {
        timeouts: { connect: time('connect'), first_byte: time('first_byte'), between: time('between'), total: time('total') },
        failures: upstream ? String(upstream.failures) : '', probe_every: upstream ? String(upstream.probe_every) : '',
        ca: upstream?.ca ?? '', server_name: upstream?.server_name ?? '',
        headers: pairs(upstream?.headers, true), options: pairs(upstream?.options, false),
        allow_private: upstream?.allow_private ?? true,
        had: {
            ca: upstream?.ca !== undefined, server_name: upstream?.server_name !== undefined,
            headers: upstream?.headers !== undefined, options: upstream?.options !== undefined,
        },
    };
}

function pairFaults(field: 'headers' | 'options', pairs: PairDraft[]): FieldFault[] {
    const names = pairs.map(({ name }) => (field === 'headers' ? name.trim().toLowerCase() : name.trim()));
    return pairs.flatMap(({ value, set }, at): FieldFault[] => {
        const path = `${field}[${at}]`;
        if (names[at] === '') return [{ path: `${path}.name`, rule: 'required' }];
        if (names.indexOf(names[at] ?? '') < at) return [{ path: `${path}.name`, rule: 'duplicate' }];
        return value === '' && !set ? [{ path: `${path}.value`, rule: 'required' }] : [];
    });
}

/** What would not even make a request; one that is set is not emptied by leaving it out. */
export function callFaultsOf(draft: CallDraft, fresh: boolean): FieldFault[] {
    const number = (path: string, text: string, whole = false): FieldFault[] => {
        const given = text.trim();
        if (given === '') return fresh ? [] : [{ path, rule: 'required' }];
        if (whole) return /^\d+$/.test(given) ? [] : [{ path, rule: 'type:integer' }];
        return Number.isFinite(Number(given)) ? [] : [{ path, rule: 'type:number' }];
    };
    return [
        ...phases.flatMap((phase) => number(`timeouts.${phase}`, draft.timeouts[phase])),
        ...number('failures', draft.failures, true), ...number('probe_every', draft.probe_every),
        ...pairFaults('headers', draft.headers), ...pairFaults('options', draft.options),
    ];
}

function named(pairs: PairDraft[]): Record<string, string> {
    return Object.fromEntries(pairs.map(({ name, value, set }) => [name.trim(), set && value === '' ? stars : value]));
}

/** What was said; of what is absent the server has its own. */
export function callOf(draft: CallDraft, system: boolean): UpstreamChange {
    const { had, headers, options } = draft;
    const times = phases.filter((phase) => draft.timeouts[phase].trim() !== '').map((phase) => [phase, Number(draft.timeouts[phase])] as const);
    const ca = draft.ca.trim();
    const server_name = draft.server_name.trim();
    return {
        ...(times.length > 0 ? { timeouts: Object.fromEntries(times) } : {}),
        ...(draft.failures.trim() ? { failures: Number(draft.failures) } : {}),
        ...(draft.probe_every.trim() ? { probe_every: Number(draft.probe_every) } : {}),
        ...(ca || had.ca ? { ca: ca && `${ca}\n` } : {}),
        ...(server_name || had.server_name ? { server_name } : {}),
        ...(headers.length > 0 || had.headers ? { headers: named(headers) } : {}),
        ...(options.length > 0 || had.options ? { options: named(options) } : {}),
        ...(system ? { allow_private: draft.allow_private } : {}),
    };
}

import type { FieldFault } from '../../api/client';
import type { Upstream, UpstreamChange, UpstreamKind, UpstreamModel, UpstreamRequest, UpstreamState } from '../../api/upstream-types';
import type { Tone } from '../../ui/controls';
import type { IconName } from '../../ui/icon';
import { callDraftOf, callFaultsOf, callOf, type CallDraft } from './call-model';

export const stateLook: Record<UpstreamState, { tone: Tone; icon: IconName }> = {
    up: { tone: 'good', icon: 'check' },
    paused: { tone: 'warn', icon: 'pause' },
    half_open: { tone: 'warn', icon: 'retry' },
    starting: { tone: 'wait', icon: 'retry' },
    open: { tone: 'bad', icon: 'cross' },
    disabled: { tone: 'wait', icon: 'stop' },
};

export const idOf = ({ tenant, name }: Upstream) => `${tenant}/${name}`;
/** FastChat's dialect says so of those that register by themselves. */
export const registered = (each: Upstream) => each.origin === 'fastchat';
export const mostConcurrent = 1_024;

/** Servers of one model and tenant: a call of the model goes to one of them. */
export interface Pool {
    tenant: string;
    model: string;
    profile: string;
    servers: string[];
    up: number;
    in_flight: number;
}

export function poolsOf(all: Upstream[]): Pool[] {
    const pools = new Map<string, Pool>();
    for (const each of all) {
        for (const { id, profile } of each.models) {
            const key = JSON.stringify([each.tenant, id]);
            const pool = pools.get(key) ?? { tenant: each.tenant, model: id, profile, servers: [], up: 0, in_flight: 0 };
            pool.servers.push(each.name);
            if (each.health.state === 'up') pool.up += 1;
            // A server counts its calls over all its models.
            pool.in_flight += each.health.in_flight;
            pools.set(key, pool);
        }
    }
    return [...pools.values()].sort((a, b) => a.tenant.localeCompare(b.tenant) || a.model.localeCompare(b.model));
}

export interface ModelDraft {
    id: string;
    remote: string;
    profile: string;
}

export const profiles = ['chat', 'embed', 'rerank', 'transcribe', 'speak'];
export const newModel = (): ModelDraft => ({ id: '', remote: '', profile: 'chat' });

export interface UpstreamDraft {
    name: string;
    tenant: string;
    kind: UpstreamKind;
    base_url: string;
    key: string;
    models: ModelDraft[];
    weight: string;
    priority: string;
    concurrency: string;
    enabled: boolean;
    call: CallDraft;
}

export function draftOf(upstream: Upstream | undefined, home: string): UpstreamDraft {
    if (!upstream) {
        return {
            name: '', tenant: home, kind: 'openai', base_url: '', key: '', models: [newModel()], weight: '1', priority: '0',
            concurrency: '', enabled: true, call: callDraftOf(undefined),
        };
    }
    const { name, tenant, kind, base_url, weight, priority, concurrency, enabled } = upstream;
    return {
        name, tenant, kind, base_url, key: '', weight: String(weight), priority: String(priority),
        concurrency: concurrency > 0 ? String(concurrency) : '', enabled, call: callDraftOf(upstream),
        models: upstream.models.map(({ id, remote, profile }) => ({ id, remote: remote === id ? '' : remote, profile })),
    };
}

const whole = (text: string) => /^\d+$/.test(text.trim());

/** What would not even make a request; all else is the server's to say. */
export function faultsOf(draft: UpstreamDraft, fresh: boolean): FieldFault[] {
    const faults: FieldFault[] = [];
    if (fresh && draft.name.trim() === '') faults.push({ path: 'name', rule: 'required' });
    if (draft.base_url.trim() === '') faults.push({ path: 'base_url', rule: 'required' });
    draft.models.forEach(({ id }, at) => { if (id.trim() === '') faults.push({ path: `models[${at}].id`, rule: 'required' }); });
    if (draft.weight.trim() === '' || Number.isNaN(Number(draft.weight))) faults.push({ path: 'weight', rule: 'type:number' });
    if (!whole(draft.priority)) faults.push({ path: 'priority', rule: 'type:integer' });
    if (draft.concurrency.trim() !== '' && !whole(draft.concurrency)) faults.push({ path: 'concurrency', rule: 'type:integer' });
    return [...faults, ...callFaultsOf(draft.call, fresh)];
}

function modelOf({ id, remote, profile }: ModelDraft): UpstreamModel {
    return { id: id.trim(), remote: remote.trim() || id.trim(), profile };
}

/** A key that was not typed stays as it is. `system`: whoever asks runs the server, and may open private networks. */
export function changeOf(draft: UpstreamDraft, system: boolean): UpstreamChange & { base_url: string; models: UpstreamModel[] } {
    return {
        base_url: draft.base_url.trim(), models: draft.models.map(modelOf), weight: Number(draft.weight), priority: Number(draft.priority),
        concurrency: Number(draft.concurrency), enabled: draft.enabled, ...(draft.key ? { key: draft.key } : {}),
        ...callOf(draft.call, system),
    };
}

/** `home` is the tenant of the one who asks: it need not be named. */
export function requestOf(draft: UpstreamDraft, home: string, system: boolean): UpstreamRequest {
    const tenant = draft.tenant.trim();
    return { name: draft.name.trim(), kind: draft.kind, ...(tenant && tenant !== home ? { tenant } : {}), ...changeOf(draft, system) };
}

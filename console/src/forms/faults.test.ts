// @vitest-environment node
import { expect, it } from 'vitest';
import { ApiError } from '../api/client';
import { translate, type Key, type Parameters } from '../i18n';
import { faultAt, faultText, unplaced } from './faults';
import { limitsDraft, limitsFaults, limitsOf, limitsText } from './limits';

const t = (key: Key, parameters?: Parameters) => translate('en', key, parameters);

it('finds the fault of a field by its path, and of what is in it', () => {
    const faults = [{ path: 'limits.concurrency', rule: 'max', limit: '9' }, { path: 'addresses[2]', rule: 'format:cidr', limit: 'such as 10.0.0.0/8' }];
    expect(faultAt(faults, 'limits')?.rule).toBe('max');
    expect(faultAt(faults, 'addresses')?.rule).toBe('format:cidr');
    expect(faultAt(faults, 'limit')).toBeUndefined();
    expect(faultAt(faults, 'limits.concurrency')).toBeDefined();
});

it('says rules in words, whatever their spelling', () => {
    expect(faultText({ rule: 'type:integer' }, t)).toBe('This must be of type integer.');
    expect(faultText({ rule: 'format:cidr', limit: 'such as 10.0.0.0/8' }, t)).toBe('This has not the right form: such as 10.0.0.0/8');
    expect(faultText({ rule: 'enum', limit: 'a b' }, t)).toBe('This must be one of a b.');
    expect(faultText({ rule: 'odd', limit: '1' }, t)).toBe('This breaks the rule odd 1');
});

it('leaves no fault unsaid', () => {
    const error = new ApiError(400, 'invalid_argument', 'the key is not valid', [{ path: 'name', rule: 'required' }, { path: 'odd', rule: 'max', limit: 3 }]);
    expect(unplaced(error, ['name'])).toEqual(['odd max 3']);
    expect(unplaced(error, ['name', 'odd'])).toEqual([]);
    expect(unplaced(new ApiError(409, 'conflict', 'the key is revoked'), ['name'])).toEqual(['the key is revoked']);
    expect(unplaced(undefined, [])).toEqual([]);
});

it('limits are what was typed, and nothing else', () => {
    const draft = { ...limitsDraft({ concurrency: 4 }), requests_per_minute: ' 600 ', requests_per_day: '0' };
    expect(limitsFaults(draft)).toEqual([]);
    expect(limitsOf(draft)).toEqual({ requests_per_minute: 600, concurrency: 4 });
    expect(limitsText(limitsOf(draft), t)).toBe('600/min, 4 at a time');
    expect(limitsFaults({ ...draft, tokens_per_minute: '1e3' }, 'models[0]')).toEqual([{ path: 'models[0].tokens_per_minute', rule: 'type:integer' }]);
});

import type { Key } from '../en';
import { app } from './app';
import { chat } from './chat';
import { directory } from './directory';
import { forms } from './forms';
import { jobs } from './jobs';
import { keys } from './keys';
import { playground } from './playground';
import { requests } from './requests';
import { status } from './status';
import { upstreams } from './upstreams';
import { usage } from './usage';

export const zh: Record<Key, string> = {
    ...app,
    ...status,
    ...jobs,
    ...keys,
    ...usage,
    ...directory,
    ...upstreams,
    ...playground,
    ...chat,
    ...forms,
    ...requests,
};

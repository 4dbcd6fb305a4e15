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

/** Every sentence of the pages, a file for each area. `{n} job|{n} jobs`: one | many. */
export const en = {
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
} as const;

export type Key = keyof typeof en;

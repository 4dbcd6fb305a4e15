import type { JobState } from './types';

interface Look {
    tone: 'good' | 'bad' | 'warn' | 'run' | 'wait';
    icon: 'check' | 'cross' | 'clock' | 'spin' | 'stop';
}

/** A state is never told by colour alone: each has a sign of its own, and its word stands beside it. */
export const stateLook: Record<JobState, Look> = {
    queued: { tone: 'wait', icon: 'clock' },
    running: { tone: 'run', icon: 'spin' },
    succeeded: { tone: 'good', icon: 'check' },
    failed: { tone: 'bad', icon: 'cross' },
    cancelled: { tone: 'wait', icon: 'stop' },
    expired: { tone: 'warn', icon: 'clock' },
};

export const jobStates = Object.keys(stateLook) as JobState[];

export function isOver(state: JobState): boolean {
    return state !== 'queued' && state !== 'running';
}

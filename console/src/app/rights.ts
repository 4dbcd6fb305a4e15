import type { Role } from '../api/admin-types';
import type { Session } from '../api/types';

/** The least role that a page, or what it offers, needs; the server has the last word (access/principal). */
export type Need = Extract<Role, 'viewer' | 'operator' | 'admin'>;

const reach: Record<Need, Role[]> = {
    viewer: ['viewer', 'developer', 'operator', 'admin'],
    operator: ['operator', 'admin'],
    admin: ['admin'],
};

export function may({ system, roles }: Session, need: Need): boolean {
    return system || roles.some((role) => reach[need].includes(role as Role));
}

/** A caller's key sees its own jobs and the playground; the server refuses it the status. */
export const seesStatus = (session: Session) => may(session, 'viewer');

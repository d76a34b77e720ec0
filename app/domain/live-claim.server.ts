/**
 * When a claim (`c`, of workshop_attendance) or a key that is held (`k`, of held_keys) counts as
 * live. A right ends when its time has come, whether or not a sweep has run.
 */
import { Prisma } from '~/adapters/db.server'

/** The key is made and its time has not come. */
export const liveClaim = (now: Date): Prisma.Sql =>
  Prisma.sql`c.state = 'ready' and c.expires_at > ${now}`

/** The key is to be made, or is made and was not ended. */
export const unendedClaim = Prisma.sql`c.state in ('pending', 'ready')`

export const liveKey = (now: Date): Prisma.Sql => Prisma.sql`k.live and k.expires_at > ${now}`

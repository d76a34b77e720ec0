/**
 * When a worker counts as running. On the ground, because claims, operations and staff judge by it;
 * a worker reports every five seconds. One whose session lock was found free is gone at once.
 */
import { Prisma } from '~/adapters/db.server'

/** A worker that has not reported for this long counts as gone. */
export const workerQuietSeconds = 30

/** Of seconds since the last report; null where no worker ever reported. */
export const isWorkerSeen = (quietSeconds: number | null): boolean =>
  quietSeconds !== null && quietSeconds <= workerQuietSeconds

/** The same as a condition over keymint.workers, by the database's clock. */
export const workerSeen = Prisma.sql`gone_at is null
  and last_seen_at > now() - make_interval(secs => ${workerQuietSeconds}::int)`

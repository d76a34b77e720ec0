/** What is asked of pg-boss's own table before lost work is sent again. */
import { Prisma } from './db.server'

/** No job `j` that `which` picks waits, is tried again or runs. */
export const noLiveJob = (which: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`
    not exists (select 1 from pgboss.job j where ${which} and j.state in ('created', 'retry', 'active'))`

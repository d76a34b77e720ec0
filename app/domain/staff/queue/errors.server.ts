/** The errors of the last day as groups, each with how many jobs it holds now. */
import type { Ctx } from '../../ctx'
import type { ErrorGroup } from './types'

const maxGroups = 8
/** Counting jobs by their error reads the jobs themselves, so it stops early. */
const maxCounted = 200

/** Those seen within a day, the latest first. */
export async function readErrorGroups(ctx: Pick<Ctx, 'db'>): Promise<ErrorGroup[]> {
  return (await readGroups(ctx, null)).map(view)
}

/** One group however old it is, or null. */
export async function findErrorGroup(
  ctx: Pick<Ctx, 'db'>,
  fingerprint: string,
): Promise<ErrorGroup | null> {
  const [row] = await readGroups(ctx, fingerprint)
  return row ? view(row) : null
}

type Row = {
  fingerprint: string
  class: string
  message: string | null
  status: number | null
  jobNames: string[]
  count: number
  firstSeen: Date
  lastSeen: Date
  sampleJobId: string
  sampleMessage: string
  jobsNow: number
}

async function readGroups({ db }: Pick<Ctx, 'db'>, fingerprint: string | null): Promise<Row[]> {
  return db.$queryRaw<Row[]>`
    select g.fingerprint, g.class, g.message, g.http_status as status, g.job_names as "jobNames",
      g.count::float8 as count, g.first_seen as "firstSeen", g.last_seen as "lastSeen",
      g.sample_job_id as "sampleJobId", g.sample_words as "sampleMessage", now_held.count as "jobsNow"
    from keymint.error_groups g
    cross join lateral (select count(*)::int as count from (
      select 1 from pgboss.job j where (j.output->>'fingerprint') = g.fingerprint order by j.state
        limit ${maxCounted + 1}::int) held) now_held
    where ${fingerprint}::text is null and g.last_seen > now() - interval '1 day'
      or g.fingerprint = ${fingerprint}
    order by g.last_seen desc limit ${maxGroups}::int`
}

function view(row: Row): ErrorGroup {
  return {
    fingerprint: row.fingerprint,
    class: row.class,
    message: row.message,
    status: row.status,
    jobNames: row.jobNames,
    count: row.count,
    firstSeen: row.firstSeen.toISOString(),
    lastSeen: row.lastSeen.toISOString(),
    sampleJobId: row.sampleJobId,
    sampleMessage: row.sampleMessage,
    jobsNow: { count: Math.min(row.jobsNow, maxCounted), more: row.jobsNow > maxCounted },
  }
}

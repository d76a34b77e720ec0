/**
 * The jobs of the queue as rows. Read from pg-boss's own table through indexes of ours (prisma/migrate.ts); nothing is
 * counted past a thousand, and a filter that no index serves looks through the newest thousand and says so.
 */
import { catalog, deadLetterNames } from '~/adapters/queue.server'
import { Prisma } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { jobKindOf } from './job-kinds'
import { findSubjects, type Found } from './search.server'
import type { CappedCount, JobList, JobRow, JobState, JobTab, QueueFilter } from './types'

export const pageSize = 50
/** Counting, looking through and acting all end here. */
export const mostMatches = 1_000

export const liveNames: readonly string[] = Object.keys(catalog)
const unfinishedStates = ['created', 'retry', 'active']
const statesOf: Record<JobTab, string[]> = {
  unfinished: unfinishedStates, waiting: ['created'], running: ['active'], retrying: ['retry'], failed: ['failed'], done: ['completed'], cancelled: ['cancelled'], dead: ['created', 'retry'],
}

type Selection = { found: Found | null; looksThrough: boolean }

/** One page of the jobs that match, newest first. Never throws for a filter that makes no sense: it matches nothing. */
export async function listJobs(ctx: Ctx, filter: QueueFilter): Promise<JobList> {
  const selection = await select(ctx, filter)
  if (!selection) return { rows: [], next: null, matches: { count: 0, more: false }, lookedThrough: null }
  const source = candidates(filter, selection.looksThrough ? mostMatches + 1 : pageSize + 1, selection.found)
  const rows = await ctx.db.$queryRaw<(RawRow & { keeps: boolean })[]>`
    with candidate as (${source})
    select ${columns}, ${residual(filter)} as keeps from candidate j ${joins} order by j.created_on desc, j.id desc`
  const matching = rows.filter((row) => row.keeps).slice(0, mostMatches)
  const page = matching.slice(0, pageSize)
  const exhausted = rows.length <= (selection.looksThrough ? mostMatches : pageSize)
  const last = matching.length > pageSize ? page.at(-1) : exhausted ? undefined : rows[mostMatches - 1]
  return {
    rows: page.map((row) => jobRow(row)),
    next: last ? cursorOf(last) : null,
    matches: selection.looksThrough ? { count: matching.length, more: !exhausted } : await countJobs(ctx, filter),
    lookedThrough: selection.looksThrough && !exhausted ? mostMatches : null,
  }
}

/** The ids of the jobs that match, in the order of the page, at most `most`: frozen when an action is made. */
export async function matchingJobIds(ctx: Ctx, filter: QueueFilter, most: number): Promise<string[]> {
  const selection = await select(ctx, filter)
  if (!selection) return []
  const rows = await ctx.db.$queryRaw<{ id: string; keeps: boolean }[]>`
    with candidate as (${candidates({ ...filter, after: undefined }, mostMatches, selection.found)})
    select j.id, ${residual(filter)} as keeps from candidate j ${joins} order by j.created_on desc, j.id desc`
  return rows.filter((row) => row.keeps).slice(0, most).map((row) => row.id)
}

/** Rows for these ids, whatever their state. */
export async function jobsById(ctx: Pick<Ctx, 'db'>, ids: string[]): Promise<RawRow[]> {
  return ctx.db.$queryRaw<RawRow[]>`
    with candidate as (select * from pgboss.job where name = any(${[...liveNames, ...deadLetterNames]}) and id = any(${ids}::uuid[]))
    select ${columns} from candidate j ${joins}`
}

/** How many jobs stand in each tab, of one name where the filter names one. */
export async function countTabs(ctx: Ctx, filter: QueueFilter): Promise<Record<JobTab, CappedCount>> {
  const limit = Prisma.sql`limit ${mostMatches + 1}::int`
  const ofNames = (tab: JobTab, where: Prisma.Sql) => Prisma.sql`(select count(*)::int from (select 1 from pgboss.job j where j.name = any(${namesOf({ tab, ...(filter.job ? { job: filter.job } : {}) })}) and ${where} ${limit}) counted)`
  const inState = (state: string) => ofNames('unfinished', Prisma.sql`j.state = ${state}::pgboss.job_state`)
  const [row] = await ctx.db.$queryRaw<Record<'waiting' | 'running' | 'retrying' | 'failed' | 'unsuccessful' | 'completed' | 'cancelled' | 'dead', number>[]>`
    select ${inState('created')} as waiting, ${inState('active')} as running, ${inState('retry')} as retrying, ${inState('failed')} as failed, ${inState('completed')} as completed,
      ${inState('cancelled')} as cancelled, ${ofNames('dead', Prisma.sql`j.state = any(array['created', 'retry']::pgboss.job_state[])`)} as dead,
      ${ofNames('failed', Prisma.sql`j.state = 'completed' and (j.output->>'fingerprint') is not null`)} as unsuccessful`
  if (!row) throw new Error('counting gives one row')
  const { waiting, running, retrying, failed, unsuccessful, completed, cancelled, dead } = row
  return {
    unfinished: capped(waiting + running + retrying), waiting: capped(waiting), running: capped(running), retrying: capped(retrying), failed: capped(failed + unsuccessful),
    done: completed > mostMatches ? capped(completed) : capped(Math.max(0, completed - unsuccessful)), cancelled: capped(cancelled), dead: capped(dead),
  }
}

async function countJobs(ctx: Ctx, filter: QueueFilter): Promise<CappedCount> {
  const [row] = await ctx.db.$queryRaw<{ count: number }[]>`select count(*)::int as count from (${countable(filter)}) counted`
  return capped(row?.count ?? 0)
}

export function capped(count: number): CappedCount {
  return { count: Math.min(count, mostMatches), more: count > mostMatches }
}

/** At most a thousand and one rows of nothing, for counting: index entries alone. */
function countable(filter: QueueFilter): Prisma.Sql {
  const window = windowOf(filter)
  const plain = Prisma.sql`select 1 from pgboss.job j where j.name = any(${namesOf(filter)}) and j.state = any(${statesOf[filter.tab]}::pgboss.job_state[]) ${window}`
  const unsuccessful = Prisma.sql`select 1 from pgboss.job j where j.state = 'completed' and (j.output->>'fingerprint') is not null and j.name = any(${namesOf(filter)}) ${window}`
  const limit = Prisma.sql`limit ${mostMatches + 1}::int`
  return filter.tab === 'failed' ? Prisma.sql`(${plain} ${limit}) union all (${unsuccessful} ${limit}) ${limit}` : Prisma.sql`${plain} ${limit}`
}

/** What narrows the candidates beyond names and states; null when it is known that nothing can match. */
async function select(ctx: Ctx, filter: QueueFilter): Promise<Selection | null> {
  if (namesOf(filter).length === 0) return null
  const looksThrough = filter.workshop !== undefined || filter.runs !== undefined
  if (filter.text === undefined) return { found: null, looksThrough: looksThrough || filter.error !== undefined }
  const found = await findSubjects(ctx, filter.text)
  return found.mintIds.length + found.jobIds.length === 0 ? null : { found, looksThrough: true }
}

/** The newest jobs of the tab, at most `limit`, each part from the end of an index. */
function candidates(filter: QueueFilter, limit: number, found: Found | null): Prisma.Sql {
  const [names, states] = [namesOf(filter), statesOf[filter.tab]]
  const after = filter.after ? cursorFrom(filter.after) : null
  const window = Prisma.sql`${windowOf(filter)} ${after ? Prisma.sql`and (j.created_on, j.id) < (${after.createdOn}::timestamptz, ${after.id}::uuid)` : Prisma.empty}`
  const newest = Prisma.sql`order by created_on desc, id desc limit ${limit}::int`
  const inTab = filter.tab === 'failed'
    ? Prisma.sql`(j.state = 'failed' or (j.state = 'completed' and (j.output->>'fingerprint') is not null))`
    : Prisma.sql`j.state = any(${states}::pgboss.job_state[]) ${filter.tab === 'done' ? Prisma.sql`and (j.output->>'fingerprint') is null` : Prisma.empty}`
  if (found) return Prisma.sql`select * from (${byFound(found, names)}) j where ${inTab} ${window} ${newest}`
  if (filter.error !== undefined) return Prisma.sql`select * from pgboss.job j where (j.output->>'fingerprint') = ${filter.error} and j.name = any(${names}) and ${inTab} ${window} ${newest}`
  const successful = filter.tab === 'done' ? Prisma.sql`and (j.output->>'fingerprint') is null` : Prisma.empty
  const byState = Prisma.sql`
    select part.* from unnest(${names}::text[]) as n(name) cross join unnest(${states}::pgboss.job_state[]) as s(state)
    cross join lateral (select * from pgboss.job j where j.name = n.name and j.state = s.state ${successful} ${window} ${newest}) part`
  if (filter.tab !== 'failed') return Prisma.sql`${byState} ${newest}`
  return Prisma.sql`
    select * from ((select * from (${byState}) f) union all (
      select * from pgboss.job j where j.state = 'completed' and (j.output->>'fingerprint') is not null and j.name = any(${names}) ${window} ${newest})) both_kinds ${newest}`
}

/** Jobs of known ids or subjects: finished ones have an index of ours, the others pg-boss's own. */
function byFound({ jobIds, mintIds }: Found, names: string[]): Prisma.Sql {
  const mine = Prisma.sql`j.name = any(${names})`
  return Prisma.sql`
    select * from pgboss.job j where ${mine} and j.id = any(${jobIds}::uuid[]) and not coalesce(j.singleton_key, '') = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state >= 'completed' and j.singleton_key = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state <= 'active' and j.policy = 'exclusive' and coalesce(j.singleton_key, '') = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state <= 'active' and j.name = any(${deadLetterNames}) and j.data->>'mintId' = any(${mintIds})`
}

const columns = Prisma.sql`
  j.id, j.name, j.state::text as state, j.data, j.created_on as "createdOn", to_char(j.created_on at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdText", j.start_after as "startAfter", j.started_on as "startedOn", j.completed_on as "completedOn",
  case when j.started_on is null then 0 else j.retry_count + 1 end as runs, j.output->>'reason' as reason, j.output->>'fingerprint' as "errorGroup",
  j.state = 'active' and coalesce(j.heartbeat_on, j.started_on) < now() - make_interval(secs => coalesce(j.heartbeat_seconds * 2, j.expire_seconds)) as stuck,
  j.source_name as "sourceName", j.source_id as "sourceId", j.source_output->>'reason' as "sourceReason",
  m.id as "mintId", m.scope, m.state as "mintState", m.owner_kind as "ownerKind", c.claim_id as "claimId", c.state as "claimState", c.guardrail_attached_at is not null as bound, c.workshop_slug as "workshopSlug", a.display_name as person, a.user_id as "userId"`

// A payload that is no mint's, or is not readable, joins nothing.
const joins = Prisma.sql`
  left join keymint.mints m on m.id = case when j.data->>'mintId' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then (j.data->>'mintId')::uuid end
  left join keymint.workshop_attendance c on m.owner_kind = 'claim' and c.claim_id = m.owner_id
  left join keymint.attendees a on a.user_id = c.user_id`

function residual(filter: QueueFilter): Prisma.Sql {
  const workshop = filter.workshop === undefined ? Prisma.sql`true` : Prisma.sql`coalesce(m.scope = ${filter.workshop}, false)`
  const runs = filter.runs === undefined ? Prisma.sql`true` : Prisma.sql`(case when j.started_on is null then 0 else j.retry_count + 1 end) >= ${filter.runs}::int`
  return Prisma.sql`(${workshop} and ${runs})`
}

function namesOf(filter: QueueFilter): string[] {
  const names = filter.tab === 'dead' ? deadLetterNames : liveNames
  return names.filter((name) => filter.job === undefined || name === filter.job || name === `${filter.job}-dead`)
}

function windowOf({ since, until }: QueueFilter): Prisma.Sql {
  return Prisma.sql`${since ? Prisma.sql`and j.created_on >= ${since}::timestamptz` : Prisma.empty} ${until ? Prisma.sql`and j.created_on < ${until}::timestamptz` : Prisma.empty}`
}

export type RawRow = {
  id: string
  name: string
  state: string
  data: unknown
  createdOn: Date
  createdText: string
  startAfter: Date
  startedOn: Date | null
  completedOn: Date | null
  runs: number
  reason: string | null
  errorGroup: string | null
  stuck: boolean | null
  sourceName: string | null
  sourceId: string | null
  sourceReason: string | null
  mintId: string | null
  scope: string | null
  mintState: string | null
  ownerKind: string | null
  claimId: string | null
  claimState: string | null
  bound: boolean | null
  workshopSlug: string | null
  person: string | null
  userId: string | null
}

const words: Record<string, JobState> = { created: 'waiting', retry: 'retrying', active: 'running', completed: 'done', cancelled: 'cancelled', failed: 'failed' }

export function jobStateOf(row: Pick<RawRow, 'name' | 'state' | 'errorGroup'>): JobState {
  if (deadLetterNames.includes(row.name)) return 'dead'
  if (row.state === 'completed' && row.errorGroup !== null) return 'failed'
  return words[row.state] ?? 'waiting'
}

export function jobRow(row: RawRow): JobRow {
  const state = jobStateOf(row)
  const waits = row.state === 'created' || row.state === 'retry'
  return {
    id: row.id, name: row.name, state, createdAt: row.createdOn.toISOString(),
    runsAt: waits && state !== 'dead' ? row.startAfter.toISOString() : null,
    startedAt: row.startedOn?.toISOString() ?? null, endedAt: row.completedOn?.toISOString() ?? null,
    // What an earlier run said is no news of a job that is at work or done.
    runs: row.runs, reason: state === 'done' || state === 'running' ? null : (row.reason ?? row.sourceReason), errorGroup: row.errorGroup, stuck: row.stuck ?? false, mintId: row.mintId,
    claim: row.claimId && row.workshopSlug && row.userId ? { id: row.claimId, workshop: row.workshopSlug, person: row.person ?? 'somebody', userId: row.userId } : null,
    workshop: row.scope,
    can: {
      retry: waits && state !== 'dead' ? true : state === 'failed' ? row.state === 'failed' || row.claimState === 'refused' || (row.claimState === 'ready' && row.bound === false) : state === 'cancelled' ? canSendAgain(row) : false,
      cancel: (waits || row.state === 'active') && state !== 'dead' && jobKindOf(row.name).cancel !== 'never',
      redrive: state === 'dead',
    },
  }
}

/** A cancelled job may come back when the work behind it is still there, or can be asked for anew. */
function canSendAgain(row: RawRow): boolean {
  if (row.mintId === null) return false
  return row.mintState === 'pending' || row.claimState === 'refused' || (row.claimState === 'ready' && row.bound === false)
}

// As text of Postgres: a Date here would drop the microseconds, and with them rows.
const cursorOf = (row: RawRow) => `${row.createdText}~${row.id}`

function cursorFrom(after: string): { createdOn: string; id: string } | null {
  const match = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)~([0-9a-f-]{36})$/.exec(after)
  return match ? { createdOn: match[1] ?? '', id: match[2] ?? '' } : null
}

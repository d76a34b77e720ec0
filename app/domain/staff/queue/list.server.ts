/**
 * The jobs of the queue as rows, read from pg-boss's own table through indexes of ours
 * (prisma/migrate.ts). Nothing is counted past a thousand; a filter that no index serves searches
 * the newest few hundred, and the answer says so.
 */
import { z } from 'zod'
import { catalog, deadLetterNames } from '~/adapters/job-catalog'
import { Prisma } from '~/adapters/db.server'
import type { Ctx } from '../../ctx'
import { jobRow, type RawRow } from './job-row'
import { findSubjects, type Found } from './search.server'
import type { CappedCount, JobList, JobTab, QueueFilter } from './types'
import { instantOf } from '~/instants'

const pageSize = 50
/** Counting and acting end here. */
export const maxMatches = 1_000
/**
 * Where no index serves a filter, so many of the newest jobs are asked one by one, for one page.
 */
const maxLookedThrough = 300
/** An action may take longer to find its jobs than a page. */
const maxSearchedToAct = 20_000

export const liveNames: readonly string[] = Object.keys(catalog)

type Selection = { found: Found | null; looksThrough: boolean }

/**
 * One page of the jobs that match, newest first. Never throws for a filter that makes no sense: it
 * matches nothing.
 */
export async function listJobs(ctx: Ctx, filter: QueueFilter): Promise<JobList> {
  const selection = await select(ctx, filter)
  if (!selection)
    return { rows: [], next: null, matches: { count: 0, more: false }, lookedThrough: null }
  const { looksThrough } = selection
  const max = selection.found ? maxMatches : looksThrough ? maxLookedThrough : pageSize
  const [rows, counted] = await Promise.all([
    ctx.db.$queryRaw<((RawRow | { id: null }) & Facts)[]>`
      with candidate as materialized (${candidates(filter, max + 1, selection.found)}),
      matching as materialized (select j.*
        from (select * from candidate order by created_on desc, id desc
        limit ${looksThrough ? max : max + 1}::int) j ${residual(filter)}),
      page as (select * from matching order by created_on desc, id desc limit ${pageSize + 1}::int)
      select facts.*, ${columns} from (
        select (select count(*)::int from candidate) as looked, (select count(*)::int from matching) as matched,
          (select ${cursorText} from candidate j order by created_on desc, id desc offset ${max - 1}::int
            limit 1) as tail) facts
      left join page j on true ${joins} order by j.created_on desc, j.id desc`,
    looksThrough ? null : countJobs(ctx, filter),
  ])
  const [facts] = rows
  const page = rows.filter((row): row is RawRow & Facts => row.id !== null)
  const exhausted = (facts?.looked ?? 0) <= max
  const next =
    page.length > pageSize
      ? (page[pageSize - 1]?.cursor ?? null)
      : looksThrough && !exhausted
        ? (facts?.tail ?? null)
        : null
  return {
    rows: page.slice(0, pageSize).map((row) => jobRow(row)),
    next,
    matches: counted ?? { count: facts?.matched ?? 0, more: !exhausted },
    lookedThrough: looksThrough && !exhausted ? max : null,
  }
}

type Facts = { looked: number; matched: number; tail: string | null }

/**
 * The ids of the jobs that match, in the order of the page, at most `max`: frozen when an action
 * is made.
 */
export async function matchingJobIds(
  ctx: Ctx,
  filter: QueueFilter,
  max: number,
): Promise<string[]> {
  const selection = await select(ctx, filter)
  if (!selection) return []
  const limit = selection.looksThrough ? maxSearchedToAct : max
  const rows = await ctx.db.$queryRaw<{ id: string }[]>`
    with candidate as (${candidates({ ...filter, after: undefined }, limit, selection.found)})
    select j.id from candidate j ${residual(filter)} order by j.created_on desc, j.id desc limit ${max}::int`
  return rows.map((row) => row.id)
}

/** Rows for these ids, whatever their state. */
export async function jobsById(ctx: Pick<Ctx, 'db'>, ids: string[]): Promise<RawRow[]> {
  return ctx.db.$queryRaw<RawRow[]>`
    with candidate as (select * from pgboss.job where name = any(${[...liveNames, ...deadLetterNames]})
      and id = any(${ids}::uuid[]))
    select ${columns} from candidate j ${joins}`
}

/** How many jobs stand in each tab, of one name where the filter names one. */
export async function countTabs(
  ctx: Ctx,
  { job }: QueueFilter,
): Promise<Record<JobTab, CappedCount>> {
  const tabs = ['waiting', 'running', 'retrying', 'failed', 'done', 'cancelled', 'dead'] as const
  const counts = tabs.map(
    (tab) =>
      Prisma.sql`
        (select count(*)::int from (${countable({ tab, ...(job ? { job } : {}) })}) counted) as
          ${Prisma.raw(tab)}`,
  )
  const [row] = await ctx.db.$queryRaw<
    Record<(typeof tabs)[number], number>[]
  >`select ${Prisma.join(counts)}`
  if (!row) throw new Error('counting gives one row')
  const max = maxCounted({ tab: 'done', ...(job ? { job } : {}) })
  const of = (tab: (typeof tabs)[number]) => capped(row[tab], max)
  return {
    unfinished: capped(row.waiting + row.running + row.retrying, max),
    waiting: of('waiting'),
    running: of('running'),
    retrying: of('retrying'),
    failed: of('failed'),
    done: of('done'),
    cancelled: of('cancelled'),
    dead: of('dead'),
  }
}

async function countJobs(ctx: Ctx, filter: QueueFilter): Promise<CappedCount> {
  const [row] = await ctx.db.$queryRaw<
    { count: number }[]
  >`select count(*)::int as count from (${countable(filter)}) counted`
  return capped(row?.count ?? 0, maxCounted(filter))
}

function capped(count: number, max = maxMatches): CappedCount {
  return { count: Math.min(count, max), more: count > max }
}

/**
 * What an error or a name narrows is counted by looking at rows, not at index entries alone: fewer
 * of them.
 */
const maxCounted = ({ error, job }: QueueFilter) =>
  error === undefined && job === undefined ? maxMatches : 200

/** Rows of nothing, one more than is counted. */
function countable(filter: QueueFilter): Prisma.Sql {
  const limit = Prisma.sql`limit ${maxCounted(filter) + 1}::int`
  const parts = partsOf(filter.tab).map(
    (part) =>
      Prisma.sql`
        (select 1 from pgboss.job j where j.name = any(${namesOf(filter)})
          and ${part} ${ofError(filter)} ${windowOf(filter)} ${limit})`,
  )
  return Prisma.sql`select 1 from (${Prisma.join(parts, ' union all ')}) parts ${limit}`
}

/**
 * What narrows the candidates beyond names and states; null when it is known that nothing can
 * match.
 */
async function select(ctx: Ctx, filter: QueueFilter): Promise<Selection | null> {
  if (namesOf(filter).length === 0) return null
  const looksThrough = filter.workshop !== undefined || filter.runs !== undefined
  if (filter.text === undefined) return { found: null, looksThrough }
  const found = await findSubjects(ctx, filter.text)
  return found.mintIds.length + found.jobIds.length === 0 ? null : { found, looksThrough: true }
}

/**
 * The conditions of a tab, each of which one index serves; a state that is a parameter would hide
 * from the planner which.
 */
function partsOf(tab: JobTab): Prisma.Sql[] {
  const inState = (state: string) =>
    Prisma.sql`j.state = ${Prisma.raw(`'${state}'`)}::pgboss.job_state`
  switch (tab) {
    case 'unfinished':
      return [inState('created'), inState('retry'), inState('active')]
    case 'waiting':
      return [inState('created')]
    case 'running':
      return [inState('active')]
    case 'retrying':
      return [inState('retry')]
    case 'failed':
      return [inState('failed'), unsuccessful]
    case 'done':
      return [Prisma.sql`${inState('completed')} and (j.output->>'fingerprint') is null`]
    case 'cancelled':
      return [inState('cancelled')]
    case 'dead':
      return [inState('created'), inState('retry')]
  }
}

const unsuccessful = Prisma.sql`j.state = 'completed' and (j.output->>'fingerprint') is not null`

/**
 * The newest jobs of the tab, at most `limit`: each part from the end of an index, one name at a
 * time.
 */
function candidates(filter: QueueFilter, limit: number, found: Found | null): Prisma.Sql {
  const names = namesOf(filter)
  const after = filter.after ? cursorFrom(filter.after) : null
  const older = after
    ? Prisma.sql`and (j.created_on, j.id) < (${after.createdOn}::timestamptz, ${after.id}::uuid)`
    : Prisma.empty
  const window = Prisma.sql`${windowOf(filter)} ${older}`
  const newest = Prisma.sql`order by j.created_on desc, j.id desc limit ${limit}::int`
  const inTab = Prisma.sql`((${Prisma.join(partsOf(filter.tab), ') or (')}))`
  if (found)
    return Prisma.sql`
      select ${needed} from (${byFound(found, names)}) j where ${inTab} ${ofError(filter)} ${window} ${newest}`
  const parts = partsOf(filter.tab).map((part) =>
    filter.error === undefined
      ? Prisma.sql`
        (select part.* from unnest(${names}::text[]) as n(name) cross
          join lateral (select ${needed} from pgboss.job j where j.name = n.name
          and ${part} ${window} ${newest}) part)`
      : Prisma.sql`
        (select ${needed} from pgboss.job j where j.name = any(${names})
          and ${part} ${ofError(filter)} ${window} ${newest})`,
  )
  return Prisma.sql`select * from (${Prisma.join(parts, ' union all ')}) j ${newest}`
}

/** What a row shows, and no more: most of a thousand candidates are thrown away. */
const needed = Prisma.sql`
  j.id, j.name, j.state, j.data, j.created_on, j.start_after, j.started_on, j.completed_on, j.retry_count,
    j.output, j.heartbeat_on, j.heartbeat_seconds, j.expire_seconds, j.source_name, j.source_id,
    j.source_output`

function ofError({ error }: QueueFilter): Prisma.Sql {
  return error === undefined ? Prisma.empty : Prisma.sql`and (j.output->>'fingerprint') = ${error}`
}

/** Jobs of known ids or subjects: finished ones have an index of ours, the others pg-boss's own. */
function byFound({ jobIds, mintIds }: Found, names: string[]): Prisma.Sql {
  const mine = Prisma.sql`j.name = any(${names})`
  return Prisma.sql`
    select * from pgboss.job j where ${mine} and j.id = any(${jobIds}::uuid[])
      and not coalesce(j.singleton_key, '') = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state >= 'completed'
      and j.singleton_key = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state <= 'active' and j.policy = 'exclusive'
      and coalesce(j.singleton_key, '') = any(${mintIds})
    union all select * from pgboss.job j where ${mine} and j.state <= 'active'
      and j.name = any(${deadLetterNames}) and j.data->>'mintId' = any(${mintIds})`
}

// Text of Postgres: a Date would drop the microseconds, and with them rows of the next page.
const cursorText = Prisma.sql`
  to_char(j.created_on at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '~' || j.id`

const columns = Prisma.sql`
  j.id, j.name, j.state::text as state, j.data, j.created_on as "createdOn", ${cursorText} as cursor,
    j.start_after as "startAfter", j.started_on as "startedOn", j.completed_on as "completedOn",
  case when j.started_on is null then 0 else j.retry_count + 1
    end as runs, j.output->>'reason' as reason, j.output->>'fingerprint' as "errorGroup",
  j.state = 'active' and coalesce(j.heartbeat_on,
    j.started_on) < now() - make_interval(secs => coalesce(j.heartbeat_seconds * 2, j.expire_seconds)) as stuck,
  j.source_name as "sourceName", j.source_id as "sourceId", j.source_output->>'reason' as "sourceReason",
  m.id as "mintId", m.scope, m.state as "mintState", m.holder_kind as "holderKind", c.claim_id as "claimId",
    c.state as "claimState", c.guardrail_attached_at is not null as bound, c.workshop_slug as "workshopSlug",
    a.display_name as person, a.user_id as "userId"`

// A payload that is unreadable or not of a mint joins nothing.
const mintJoin = Prisma.sql`
  left join keymint.mints m on m.id = case
    when j.data->>'mintId' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    (j.data->>'mintId')::uuid end`
const joins = Prisma.sql`
  ${mintJoin}
  left join keymint.workshop_attendance c on m.holder_kind = 'claim' and c.claim_id = m.holder_id
  left join keymint.attendees a on a.user_id = c.user_id`

/** What no index serves, asked of the candidates alone. */
function residual({ workshop, runs }: QueueFilter): Prisma.Sql {
  const often =
    runs === undefined
      ? Prisma.empty
      : Prisma.sql`and j.started_on is not null and j.retry_count + 1 >= ${runs}::int`
  return workshop === undefined
    ? Prisma.sql`where true ${often}`
    : Prisma.sql`${mintJoin} where m.scope = ${workshop} ${often}`
}

function namesOf(filter: QueueFilter): string[] {
  const names = filter.tab === 'dead' ? deadLetterNames : liveNames
  return names.filter(
    (name) => filter.job === undefined || name === filter.job || name === `${filter.job}-dead`,
  )
}

function windowOf({ since, until }: QueueFilter): Prisma.Sql {
  return Prisma.sql`
    ${since ? Prisma.sql`and j.created_on >= ${since}::timestamptz` : Prisma.empty}
      ${until ? Prisma.sql`and j.created_on < ${until}::timestamptz` : Prisma.empty}`
}

function cursorFrom(after: string): { createdOn: string; id: string } | null {
  const [createdOn = '', id = ''] = after.split('~')
  return instantOf(createdOn) && z.uuid().safeParse(id).success ? { createdOn, id } : null
}

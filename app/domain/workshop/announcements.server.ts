/**
 * One line to every open page of a workshop. Guarantee: staff have one line in a workshop at a time,
 * and Keymint one for each cause (announcement_one_shown). A line whose end has come is not shown,
 * whether or not anybody has taken it down.
 */
import type { Db } from '~/adapters/db.server'
import { recordAudit, type AuditAction } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { AnnouncementCause, AnnouncementView } from './view-types'

type Row = {
  slug: string
  id: string
  revision: number
  cause: AnnouncementCause | null
  line: string | null
  postedAt: Date
  endsAt: Date | null
}

const keptMs = 1_000
const kept = new WeakMap<Db, { until: number; rows: Promise<Row[]> }>()
/** Of several causes the pages show the first. */
const causes: readonly AnnouncementCause[] = ['provider', 'credits', 'pool']

/**
 * What pages show now, by workshop: the line of staff, and the worst of Keymint's own. Every page and
 * poll of every workshop asks, so the rows are read once a second at most.
 */
export async function readAllAnnouncements(
  ctx: Pick<Ctx, 'db' | 'now'>,
): Promise<Map<string, AnnouncementView[]>> {
  const rows = (await readRows(ctx.db)).filter(
    ({ endsAt }) => endsAt === null || endsAt > ctx.now(),
  )
  const bySlug = Map.groupBy(rows, ({ slug }) => slug)
  return new Map([...bySlug].map(([slug, ofSlug]) => [slug, shownOf(ofSlug)]))
}

/** The same of one workshop. */
export async function readAnnouncements(
  ctx: Pick<Ctx, 'db' | 'now'>,
  slug: string,
): Promise<AnnouncementView[]> {
  return (await readAllAnnouncements(ctx)).get(slug) ?? []
}

/** Changes whenever a page has another line to show: a few bytes for each of two lines. */
export const announcementsVersion = (shown: readonly AnnouncementView[]): string =>
  shown.map(({ id, revision }) => `${id.slice(0, 8)}-${revision}`).join('+')

function shownOf(rows: Row[]): AnnouncementView[] {
  const own = causes.map((cause) => rows.find((row) => row.cause === cause)).find(Boolean)
  return [rows.find(({ cause }) => cause === null), own]
    .filter((row) => row !== undefined)
    .map(({ id, revision, cause, line, postedAt, endsAt }) => ({
      id,
      revision,
      cause,
      line,
      postedAt: postedAt.toISOString(),
      endsAt: endsAt?.toISOString() ?? null,
    }))
}

function readRows(db: Db): Promise<Row[]> {
  const known = kept.get(db)
  if (known && known.until > performance.now()) return known.rows
  const rows = db.$queryRaw<Row[]>`
    select workshop_slug as slug, id, revision, cause, line, posted_at as "postedAt", ends_at as "endsAt"
    from keymint.announcements where taken_down_at is null and (ends_at is null or ends_at > keymint.now())
    order by posted_at, id`
  kept.set(db, { until: performance.now() + keptMs, rows })
  // One that failed is read again by the next page.
  rows.catch(() => kept.delete(db))
  return rows
}

/** The next page of this process reads anew; other processes do within a second. */
export const forgetAnnouncements = (ctx: Pick<Ctx, 'db'>) => void kept.delete(ctx.db)

/** When a line ends: after so many minutes, or when claims close. */
export type AnnouncementEnd = { minutes: number } | 'closing'

type Input = { slug: string; actorUserId: string }

export type PostOutcome =
  | { kind: 'posted' | 'changed' | 'taken-down' }
  /** Another line of staff is shown already. */
  | { kind: 'shown-already' }
  /** It was changed, taken down or over meanwhile. */
  | { kind: 'not-current' }
  /** Claims have closed, or the file does not say when they do. */
  | { kind: 'no-closing' }

/** Posts a line of staff. Nothing is posted while another one is shown. */
export async function postAnnouncement(
  ctx: Ctx,
  input: Input & { line: string; end: AnnouncementEnd },
): Promise<PostOutcome> {
  const { slug, line, actorUserId } = input
  const end = endOf(ctx, slug, input.end)
  if (!end) return { kind: 'no-closing' }
  const outcome = await ctx.db.$transaction(async (tx): Promise<PostOutcome> => {
    await tx.$executeRaw`
      update keymint.announcements set taken_down_at = ends_at
      where workshop_slug = ${slug} and cause is null and taken_down_at is null and ends_at <= keymint.now()`
    const [row] = await tx.$queryRaw<{ id: string; endsAt: Date }[]>`
      insert into keymint.announcements (workshop_slug, line, ends_at)
      values (${slug}, ${line}, coalesce(${end.at}::timestamptz,
        keymint.now() + make_interval(mins => ${end.minutes}::int)))
      on conflict do nothing returning id, ends_at as "endsAt"`
    if (!row) return { kind: 'shown-already' }
    const details = { line, endsAt: row.endsAt.toISOString() }
    await audit(tx, `user:${actorUserId}`, 'announcement.posted', slug, { id: row.id, ...details })
    return { kind: 'posted' }
  })
  forgetAnnouncements(ctx)
  return outcome
}

/** Changes the line that is shown, as it was when the form was. Without `end` its end stays. */
export async function editAnnouncement(
  ctx: Ctx,
  input: Input & { id: string; revision: number; line: string; end: AnnouncementEnd | null },
): Promise<PostOutcome> {
  const { slug, id, revision, line, actorUserId } = input
  const end = input.end === null ? { at: null, minutes: null } : endOf(ctx, slug, input.end)
  if (!end) return { kind: 'no-closing' }
  const outcome = await ctx.db.$transaction(async (tx): Promise<PostOutcome> => {
    const [row] = await tx.$queryRaw<{ endsAt: Date }[]>`
      update keymint.announcements set line = ${line}, revision = revision + 1,
        ends_at = coalesce(${end.at}::timestamptz,
          keymint.now() + make_interval(mins => ${end.minutes}::int), ends_at)
      where id = ${id}::uuid and workshop_slug = ${slug} and cause is null and revision = ${revision}::int
        and taken_down_at is null and ends_at > keymint.now() returning ends_at as "endsAt"`
    if (!row) return { kind: 'not-current' }
    const details = { id, line, endsAt: row.endsAt.toISOString() }
    await audit(tx, `user:${actorUserId}`, 'announcement.edited', slug, details)
    return { kind: 'changed' }
  })
  forgetAnnouncements(ctx)
  return outcome
}

/** Takes a line of staff down, whatever it says by now. */
export async function takeDownAnnouncement(
  ctx: Ctx,
  input: Input & { id: string },
): Promise<PostOutcome> {
  const { slug, id, actorUserId } = input
  const outcome = await ctx.db.$transaction(async (tx): Promise<PostOutcome> => {
    const taken = await tx.$executeRaw`
      update keymint.announcements set taken_down_at = keymint.now()
      where id = ${id}::uuid and workshop_slug = ${slug} and cause is null and taken_down_at is null`
    if (taken === 0) return { kind: 'not-current' }
    await audit(tx, `user:${actorUserId}`, 'announcement.taken-down', slug, { id })
    return { kind: 'taken-down' }
  })
  forgetAnnouncements(ctx)
  return outcome
}

const audit = (
  tx: Parameters<typeof recordAudit>[0],
  actor: Parameters<typeof recordAudit>[1]['actor'],
  action: Extract<AuditAction, `announcement.${string}`>,
  slug: string,
  details: Record<string, string>,
) => recordAudit(tx, { actor, action, subject: `workshop:${slug}`, scope: slug, details })

function endOf(
  ctx: Ctx,
  slug: string,
  end: AnnouncementEnd,
): { at: Date | null; minutes: number | null } | null {
  if (end !== 'closing') return { at: null, minutes: end.minutes }
  const at = ctx.workshops.workshops.get(slug)?.claimsCloseAt ?? null
  return at === null || at <= ctx.now() ? null : { at, minutes: null }
}

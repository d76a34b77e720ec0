/**
 * The line of a full workshop. Guarantee: one waiting place a person and workshop, held by an index;
 * `turn` is given while the line is locked, so nobody who joins later stands before. A claim of an
 * attendee holds the same lock shared, so that none overtakes a line that is there.
 */
import { Prisma, type Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { Workshop } from '../workshop-file'
import type { Claimant } from './admission'
import { requireEntry } from './entry.server'

/** For who changes the line: until the transaction ends, nobody claims past it. First of all locks. */
export async function lockLine(tx: Tx, workshopSlug: string): Promise<void> {
  await tx.$executeRaw`
    select pg_advisory_xact_lock(hashtextextended(${`waitlist:${workshopSlug}`}, 0))`
}

/** For who claims: whether others wait for a seat already. */
export async function isLineAhead(
  tx: Tx,
  { workshopSlug }: { workshopSlug: string },
): Promise<boolean> {
  await tx.$executeRaw`
    select pg_advisory_xact_lock_shared(hashtextextended(${`waitlist:${workshopSlug}`}, 0))`
  const [row] = await tx.$queryRaw<{ ahead: boolean }[]>`
    select exists (select 1 from keymint.waitlist
      where workshop_slug = ${workshopSlug} and state = 'waiting') as ahead`
  return row?.ahead ?? false
}

/** Thrown inside the claim's transaction: nothing is written. */
export class LineIsAhead extends Error {
  override name = 'LineIsAhead'
}

export type JoinOutcome = 'joined' | 'waiting-already' | 'banned' | 'email-already-claimed'

/**
 * Takes a place at the end of the line. Throws EntryRefused where a rule of entry refuses them. A
 * second click, from anywhere, is the same place.
 */
export async function joinLine(
  ctx: Ctx,
  workshop: Workshop,
  person: Claimant,
  terms: { optIn: boolean; code: string | null },
): Promise<JoinOutcome> {
  const { slug } = workshop
  return ctx.db.$transaction(async (tx): Promise<JoinOutcome> => {
    await lockLine(tx, slug)
    await requireEntry(ctx, tx, workshop, person, terms.code)
    const [before] = await tx.$queryRaw<{ own: boolean; taken: boolean; banned: boolean }[]>`
      select exists (select 1 from keymint.waitlist w where w.workshop_slug = ${slug}
          and w.user_id = a.user_id and w.state = 'waiting') as own,
        a.banned_at is not null as banned,
        exists (select 1 from keymint.workshop_attendance c where c.workshop_slug = ${slug}
          and c.user_id <> a.user_id and c.email_normalized = ${person.emailNormalized})
        or exists (select 1 from keymint.waitlist w join keymint.attendees o on o.user_id = w.user_id
          where w.workshop_slug = ${slug} and w.state = 'waiting' and o.user_id <> a.user_id
            and o.email_normalized = ${person.emailNormalized}) as taken
      from keymint.attendees a where a.user_id = ${person.userId} for key share`
    if (!before || before.banned) return 'banned'
    if (before.own) return 'waiting-already'
    if (before.taken) return 'email-already-claimed'
    const [made] = await tx.$queryRaw<{ id: string }[]>`
      insert into keymint.waitlist (workshop_slug, user_id, provider, opt_in)
      values (${slug}, ${person.userId}, ${person.provider}, ${terms.optIn})
      on conflict do nothing returning id`
    if (!made) return 'waiting-already'
    await recordAudit(tx, {
      actor: `user:${person.userId}`,
      action: 'waitlist.joined',
      subject: `user:${person.userId}`,
      scope: slug,
      details: { place: made.id },
    })
    return 'joined'
  })
}

type Ended = { kind: 'left' | 'removed' } | { kind: 'skipped'; reason: string }

/** Ends a waiting place, once; false where it is not waiting any more. */
export async function endPlace(
  tx: Tx,
  place: { id: string; workshopSlug: string },
  ended: Ended,
  actor: AuditActor,
): Promise<boolean> {
  const reason = ended.kind === 'skipped' ? ended.reason : null
  const [row] = await tx.$queryRaw<{ userId: string }[]>`
    update keymint.waitlist set state = ${ended.kind}, reason = ${reason}, ended_at = keymint.now()
    where id = ${place.id}::uuid and workshop_slug = ${place.workshopSlug} and state = 'waiting'
    returning user_id as "userId"`
  if (!row) return false
  await recordAudit(tx, {
    actor,
    action: `waitlist.${ended.kind}`,
    subject: `user:${row.userId}`,
    scope: place.workshopSlug,
    details: reason === null ? { place: place.id } : { place: place.id, reason },
  })
  return true
}

/** Gives one's own place up. False where there was none: a seat may have come meanwhile. */
export async function leaveLine(
  ctx: Pick<Ctx, 'db'>,
  { workshopSlug, userId }: { workshopSlug: string; userId: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const [own] = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.waitlist
      where workshop_slug = ${workshopSlug} and user_id = ${userId} and state = 'waiting'`
    if (!own) return false
    return endPlace(tx, { id: own.id, workshopSlug }, { kind: 'left' }, `user:${userId}`)
  })
}

/** Staff take somebody out of the line, who can join again at its end. */
export async function removeFromLine(
  ctx: Pick<Ctx, 'db'>,
  input: { workshopSlug: string; id: string; actorUserId: string },
): Promise<boolean> {
  return ctx.db.$transaction((tx) =>
    endPlace(tx, input, { kind: 'removed' }, `user:${input.actorUserId}`),
  )
}

export type OwnPlace =
  | { state: 'waiting'; position: number; joinedAt: string }
  /** `reason` is what was in the way when it was their turn. */
  | { state: 'skipped'; reason: string }
  | { state: 'removed' }
  | { state: 'let-in' }

/** A person's place, or what became of their last one. Null without one, and after leaving. */
export async function readOwnPlace(
  ctx: Pick<Ctx, 'db'>,
  { workshopSlug, userId }: { workshopSlug: string; userId: string },
): Promise<OwnPlace | null> {
  const [row] = await ctx.db.$queryRaw<
    { state: string; reason: string | null; joinedAt: Date; position: number }[]
  >`
    select p.state, p.reason, p.joined_at as "joinedAt",
      case when p.state = 'waiting' then (select count(*) from keymint.waitlist w
        where w.workshop_slug = p.workshop_slug and w.state = 'waiting' and w.turn <= p.turn)
        else 0 end::int as position
    from keymint.waitlist p where p.workshop_slug = ${workshopSlug} and p.user_id = ${userId}
    order by p.turn desc limit 1`
  if (row?.state === 'waiting')
    return { state: 'waiting', position: row.position, joinedAt: row.joinedAt.toISOString() }
  if (row?.state === 'skipped') return { state: 'skipped', reason: row.reason ?? '' }
  if (row?.state === 'removed' || row?.state === 'let-in') return { state: row.state }
  return null
}

export type LinePlace = {
  id: string
  position: number
  name: string
  /** How they are found again: logins and address. */
  known: string[]
  state: 'waiting' | 'skipped'
  reason: string | null
  joinedAt: string
  endedAt: string | null
}

export type Line = { waiting: LinePlace[]; count: number; skipped: LinePlace[] }

const maxShown = 100

/** The line as staff see it: who waits, and who was skipped last. */
export async function readLine(ctx: Pick<Ctx, 'db'>, workshopSlug: string): Promise<Line> {
  const [waiting, skipped, count] = await Promise.all([
    readPlaces(ctx, workshopSlug, 'waiting'),
    readPlaces(ctx, workshopSlug, 'skipped'),
    ctx.db.waitlistPlace.count({ where: { workshopSlug, state: 'waiting' } }),
  ])
  return { waiting, skipped, count }
}

async function readPlaces(
  ctx: Pick<Ctx, 'db'>,
  workshopSlug: string,
  state: LinePlace['state'],
): Promise<LinePlace[]> {
  const order =
    state === 'waiting' ? Prisma.sql`order by w.turn` : Prisma.sql`order by w.ended_at desc, w.turn`
  const rows = await ctx.db.$queryRaw<
    {
      id: string
      name: string
      email: string | null
      logins: string[]
      reason: string | null
      joinedAt: Date
      endedAt: Date | null
    }[]
  >`
    select w.id, a.display_name as name, a.email, w.reason, w.joined_at as "joinedAt",
      w.ended_at as "endedAt",
      coalesce((select array_agg(i.login order by i.login) from keymint.identities i
        where i.user_id = w.user_id and i.login is not null), '{}') as logins
    from keymint.waitlist w join keymint.attendees a on a.user_id = w.user_id
    where w.workshop_slug = ${workshopSlug} and w.state = ${state} ${order} limit ${maxShown}::int`
  return rows.map((row, index) => ({
    id: row.id,
    position: index + 1,
    name: row.name,
    known: [...row.logins, ...(row.email === null ? [] : [row.email])],
    state,
    reason: row.reason,
    joinedAt: row.joinedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  }))
}

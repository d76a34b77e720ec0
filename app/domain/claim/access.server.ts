/**
 * Asking to be let in, and letting in. Guarantee: one open request a person and workshop, held by
 * an index; a request is decided once, by whoever was first. A grant lifts the file's rules of entry
 * and nothing else: seats, pool, pause and bans are not asked here. No address is stored.
 */
import { isMissingReference, isUniqueViolation, type Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { normalizeEmail } from '../people/email'
import { rosterEntryOf } from '../workshop/entry-fields'
import { hasEntryRules, obstacleOf, type Claimant, type Obstacle } from './admission'
import { addressMark, needsCode, readEntry, type EntryRefusal } from './entry.server'

export type AskOutcome =
  | { kind: 'asked' | 'already-asked' }
  /** Nothing stands in the way that staff could lift. */
  | { kind: 'not-needed' }

export type OwnRequest = { state: 'open' | 'granted' | 'refused'; note: string; askedAt: string }

/** What one's page says of one's entry; null where the file has no such rule. */
export type OwnAccess = {
  granted: boolean
  obstacle: Obstacle | null
  /** The rule of entry that refuses this person, or `code-needed` where only a code is missing. */
  refusedFor: EntryRefusal | null
  /** Their last request. */
  request: OwnRequest | null
}

export async function readOwnAccess(
  ctx: Pick<Ctx, 'db' | 'now' | 'workshops' | 'fingerprints' | 'rosterKeys'>,
  workshopSlug: string,
  person: Claimant,
): Promise<OwnAccess | null> {
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  if (!workshop || !hasEntryRules(workshop)) return null
  const entry = await readEntry(ctx, ctx.db, workshopSlug, person)
  const obstacle = obstacleOf({ workshop, person, now: ctx.now(), entry })
  const reason = obstacle?.reason
  const request = await ctx.db.accessRequest.findFirst({
    where: { workshopSlug, userId: person.userId },
    orderBy: { createdAt: 'desc' },
  })
  return {
    granted: entry.granted,
    obstacle,
    refusedFor: isEntryRule(reason)
      ? reason
      : !obstacle && needsCode(workshop, entry)
        ? 'code-needed'
        : null,
    request: request && {
      state: stateOf(request.state),
      note: request.note,
      askedAt: request.createdAt.toISOString(),
    },
  }
}

const isEntryRule = (reason: string | undefined) =>
  reason === 'account-too-new' || reason === 'wrong-domain' || reason === 'not-on-roster'

const stateOf = (state: string): OwnRequest['state'] =>
  state === 'granted' || state === 'refused' ? state : 'open'

/** Asks the organizers. A second click is the same request. */
export async function askForAccess(
  ctx: Ctx,
  input: { workshopSlug: string; person: Claimant; note: string },
): Promise<AskOutcome> {
  const { workshopSlug, person, note } = input
  const access = await readOwnAccess(ctx, workshopSlug, person)
  if (!access?.refusedFor) return { kind: 'not-needed' }
  const { refusedFor } = access
  try {
    return await ctx.db.$transaction(async (tx): Promise<AskOutcome> => {
      const [made] = await tx.$queryRaw<{ id: string }[]>`
        insert into keymint.access_requests (workshop_slug, user_id, note, refused_for, created_at)
        values (${workshopSlug}, ${person.userId}, ${note}, ${refusedFor}, keymint.now())
        on conflict do nothing returning id`
      if (!made) return { kind: 'already-asked' }
      await recordAudit(tx, {
        actor: `user:${person.userId}`,
        action: 'access.asked',
        subject: `user:${person.userId}`,
        scope: workshopSlug,
        details: { request: made.id, refusedFor },
      })
      return { kind: 'asked' }
    })
  } catch (error) {
    // The account was joined to another, or erased, by a click in another tab.
    if (isMissingReference(error)) return { kind: 'not-needed' }
    if (!isUniqueViolation(error)) throw error
    return { kind: 'already-asked' }
  }
}

/**
 * Decides these requests, those that are still as they were shown, `from`; how many that were. A
 * refusal can be changed to a grant.
 */
export async function decideRequests(
  ctx: Pick<Ctx, 'db'>,
  input: {
    workshopSlug: string
    ids: string[]
    decision: 'granted' | 'refused'
    from: 'open' | 'refused'

    actorUserId: string
  },
): Promise<number> {
  const { workshopSlug, ids, decision, from, actorUserId } = input
  return ctx.db.$transaction(async (tx) => {
    // In one order, so that two people who decide about the same ones do not deadlock.
    const decided = await tx.$queryRaw<{ id: string; userId: string }[]>`
      with wanted as (select id from keymint.access_requests
        where workshop_slug = ${workshopSlug} and id = any(${ids}::uuid[]) and state = ${from}
        order by id for update)
      update keymint.access_requests r set state = ${decision}, decided_at = keymint.now(),
        decided_by = ${actorUserId}
      from wanted where r.id = wanted.id returning r.id, r.user_id as "userId"`
    for (const { id, userId } of decided) {
      if (decision === 'granted')
        await insertGrant(tx, {
          workshopSlug,
          kind: 'person',
          mark: userId,
          keyId: null,
          actorUserId,
        })
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: decision === 'granted' ? 'access.granted' : 'access.refused',
        subject: `user:${userId}`,
        scope: workshopSlug,
        details: { request: id },
      })
    }
    return decided.length
  })
}

type NewGrant = {
  workshopSlug: string
  kind: 'person' | 'login' | 'address'
  mark: string
  keyId: string | null
  actorUserId: string
}

/** Null where there is one already. */
async function insertGrant(tx: Tx, grant: NewGrant): Promise<string | null> {
  const [made] = await tx.$queryRaw<{ id: string }[]>`
    insert into keymint.access_grants (workshop_slug, kind, mark, key_id, granted_by, granted_at)
    values (${grant.workshopSlug}, ${grant.kind}, ${grant.mark}, ${grant.keyId}, ${grant.actorUserId},
      keymint.now())
    on conflict do nothing returning id`
  return made?.id ?? null
}

export type GrantOutcome =
  | { kind: 'granted'; made: number; had: number }
  /** The lines, counted from 1, that are neither a login nor an address. Nothing was granted. */
  | { kind: 'refused'; lines: number[] }

/**
 * Lets people in before they ask, by GitHub login or address. Whoever of them has an open request has
 * it granted with this.
 */
export async function grantBeforehand(
  ctx: Pick<Ctx, 'db' | 'fingerprints'>,
  input: { workshopSlug: string; text: string; actorUserId: string },
): Promise<GrantOutcome> {
  const { workshopSlug, actorUserId } = input
  const bad: number[] = []
  const grants = new Map<string, NewGrant & { found: string }>()
  for (const [index, raw] of input.text.split(/\r\n|\r|\n/).entries()) {
    const text = raw.trim()
    if (text === '') continue
    const entry = rosterEntryOf(text)
    const address = entry?.kind === 'address' ? normalizeEmail(text) : null
    if (entry?.kind === 'login')
      grants.set(entry.login, {
        workshopSlug,
        actorUserId,
        kind: 'login',
        mark: entry.login,
        keyId: null,
        found: entry.login,
      })
    else if (address !== null)
      grants.set(address, {
        workshopSlug,
        actorUserId,
        kind: 'address',
        mark: ctx.fingerprints.of(addressMark(workshopSlug, address)),
        keyId: ctx.fingerprints.keyId,
        found: address,
      })
    else bad.push(index + 1)
  }
  if (bad.length > 0) return { kind: 'refused', lines: bad }
  const wanted = [...grants.values()].sort((a, b) => (a.mark < b.mark ? -1 : 1))
  return ctx.db.$transaction(async (tx): Promise<GrantOutcome> => {
    const made = await tx.$queryRaw<{ id: string; kind: string }[]>`
      insert into keymint.access_grants (workshop_slug, kind, mark, key_id, granted_by, granted_at)
      select ${workshopSlug}, w.kind, w.mark, nullif(w.key, ''), ${actorUserId}, keymint.now()
      from unnest(${wanted.map(({ kind }) => kind)}::text[], ${wanted.map(({ mark }) => mark)}::text[],
        ${wanted.map(({ keyId }) => keyId ?? '')}::text[]) as w(kind, mark, key)
      order by w.mark
      on conflict do nothing returning id, kind`
    for (const { id, kind } of made)
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'access.granted',
        subject: `access:${id}`,
        scope: workshopSlug,
        details: { by: kind },
      })
    const foundBy = (kind: NewGrant['kind']) =>
      wanted.filter((grant) => grant.kind === kind).map(({ found }) => found)
    await tx.$executeRaw`
      update keymint.access_requests r set state = 'granted', decided_at = keymint.now(),
        decided_by = ${actorUserId}
      where r.workshop_slug = ${workshopSlug} and r.state = 'open' and exists (
        select 1 from keymint.attendees a where a.user_id = r.user_id
          and (a.email_normalized = any(${foundBy('address')}::text[])
            or exists (select 1 from keymint.identities i
              where i.user_id = a.user_id and i.provider = 'github'
                and lower(i.login collate "C") = any(${foundBy('login')}::text[]))))`
    return { kind: 'granted', made: made.length, had: wanted.length - made.length }
  })
}

/** Takes a grant back; who has claimed keeps their key. False where it was not there any more. */
export async function revokeGrant(
  ctx: Pick<Ctx, 'db'>,
  input: { workshopSlug: string; id: string; actorUserId: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const changed = await tx.$executeRaw`
      update keymint.access_grants set revoked_at = keymint.now(), revoked_by = ${input.actorUserId}
      where id = ${input.id}::uuid and workshop_slug = ${input.workshopSlug} and revoked_at is null`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${input.actorUserId}`,
        action: 'access.revoked',
        subject: `access:${input.id}`,
        scope: input.workshopSlug,
      })
    return changed === 1
  })
}

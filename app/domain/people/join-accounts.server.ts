/**
 * Two accounts of one person become one. Guarantee: only accounts that the same browser has just
 * signed in to, one after the other, with the same verified address; only into the one that is in
 * use, and never a banned one. The empty account is deleted, so the foreign keys refuse whatever it
 * might hold after all. Its sign-in moves with its holds, which are kept by sign-in and address: a
 * second claim stays refused (decision 035).
 */
import type { Db, Tx } from '~/adapters/db.server'
import type { Provider } from '~/adapters/identity-provider'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { lockIdentity } from './account.server'
import { marksOf } from './holds.server'
import { hashToken } from './session.server'

export type JoinRefusal =
  'not-proven' | 'banned' | 'emails-differ' | 'same-provider' | 'both-in-use'
/** One of the two accounts, as its owner may see it. */
export type JoinSide = {
  provider: Provider
  login: string | null
  email: string | null
  claims: number
  teams: number
  /** The one that is signed in now. */
  current: boolean
}
export type JoinView = {
  /** In the order in which the browser signed in to them. */
  sides: [earlier: JoinSide, current: JoinSide]
  /** Null: the two can be joined. */
  refusal: Exclude<JoinRefusal, 'not-proven'> | null
  /** Which of the two remains; null where they cannot be joined. */
  keep: 'earlier' | 'current' | null
}
export type JoinOutcome = { kind: 'joined' } | { kind: 'refused'; reason: JoinRefusal }

type JoinCtx = Pick<Ctx, 'db' | 'fingerprints'>
type Pair = { tokenHash: string; earlier: string; current: string }
type Login = {
  provider: string
  providerUserId: string
  userId: string
  login: string | null
  email: string | null
  emailNormalized: string | null
}
type Account = {
  userId: string
  firstSeenAt: Date
  banned: boolean
  claims: number
  teams: number
  inUse: boolean
}

/** What this browser has just shown to be two accounts of one person, or null. */
export async function readJoin(ctx: JoinCtx, token: string): Promise<JoinView | null> {
  const pair = await findPair(ctx.db, token)
  if (!pair) return null
  const { accounts, logins, judgement } = await judge(ctx, ctx.db, pair)
  const side = (userId: string): JoinSide => {
    const own = logins.find((login) => login.userId === userId)
    const account = accounts.find((one) => one.userId === userId)
    return {
      provider: own?.provider === 'google' ? 'google' : 'github',
      login: own?.login ?? null,
      email: own?.email ?? null,
      claims: account?.claims ?? 0,
      teams: account?.teams ?? 0,
      current: userId === pair.current,
    }
  }
  return {
    sides: [side(pair.earlier), side(pair.current)],
    refusal: 'refusal' in judgement ? judgement.refusal : null,
    keep: 'refusal' in judgement ? null : judgement.keep === pair.current ? 'current' : 'earlier',
  }
}

/** Joins them, all or nothing. A second time, and in a second tab, there is nothing to join. */
export async function joinAccounts(ctx: JoinCtx, token: string): Promise<JoinOutcome> {
  const seen = await findPair(ctx.db, token)
  if (!seen) return { kind: 'refused', reason: 'not-proven' }
  return ctx.db.$transaction(async (tx): Promise<JoinOutcome> => {
    // In the order of a sign-in and an erasure: identities before the rows that they write.
    const both = [seen.earlier, seen.current]
    for (const { provider, providerUserId } of await tx.identity.findMany({
      where: { userId: { in: both } },
      orderBy: [{ provider: 'asc' }, { providerUserId: 'asc' }],
    }))
      await lockIdentity(tx, { provider, providerUserId })
    // A claim, an invitation or a ban under way refers to these rows: the lock waits for it.
    await tx.$executeRaw`
      select 1 from keymint.attendees where user_id = any(${both}) order by user_id for update`
    const pair = await findPair(tx, token, 'lock')
    if (pair?.earlier !== seen.earlier || pair.current !== seen.current)
      return { kind: 'refused', reason: 'not-proven' }
    const { judgement } = await judge(ctx, tx, pair)
    if ('refusal' in judgement) return { kind: 'refused', reason: judgement.refusal }
    await moveInto(tx, judgement)
    return { kind: 'joined' }
  })
}

async function moveInto(tx: Tx, { keep, drop }: { keep: string; drop: string }): Promise<void> {
  const moved = await tx.$queryRaw<{ provider: string; providerUserId: string }[]>`
    update keymint.identities set user_id = ${keep}, linked_at = now() where user_id = ${drop}
      returning provider, provider_user_id as "providerUserId"`
  // Each was begun with a sign-in that opens the remaining account now.
  const sessions = await tx.$executeRaw`
    update keymint.sessions set user_id = ${keep}, earlier_token_hash = null where user_id = ${drop}`
  await tx.$executeRaw`
    update keymint.sessions set earlier_token_hash = null
      where user_id = ${keep} and earlier_token_hash is not null`
  await tx.$executeRaw`
    update keymint.attendees set last_seen_at = now(),
      first_seen_at = least(first_seen_at, (select first_seen_at from keymint.attendees where user_id = ${drop}))
      where user_id = ${keep}`
  await moveEntry(tx, { keep, drop })
  await tx.$executeRaw`delete from keymint.attendees where user_id = ${drop}`
  await recordAudit(tx, {
    actor: `user:${keep}`,
    action: 'accounts.joined',
    subject: `user:${keep}`,
    details: { deleted: drop, signIns: moved, sessions },
  })
}

/**
 * What organizers were asked and what they granted is the person's. One request of a workshop is open
 * and one grant counts: where both accounts have one, that of the remaining account stays. Requests
 * first: whoever decides about one at this moment is waited for, and the grant is seen.
 */
async function moveEntry(tx: Tx, { keep, drop }: { keep: string; drop: string }): Promise<void> {
  await tx.$executeRaw`
    delete from keymint.access_requests r where r.user_id = ${drop} and r.state = 'open' and exists (
      select 1 from keymint.access_requests o
      where o.user_id = ${keep} and o.workshop_slug = r.workshop_slug and o.state = 'open')`
  await tx.$executeRaw`
    update keymint.access_requests set user_id = ${keep} where user_id = ${drop}`
  await tx.$executeRaw`
    delete from keymint.access_grants g where g.kind = 'person' and g.mark = ${drop}
      and g.revoked_at is null and exists (select 1 from keymint.access_grants o where o.kind = 'person'
        and o.mark = ${keep} and o.workshop_slug = g.workshop_slug and o.revoked_at is null)`
  await tx.$executeRaw`
    update keymint.access_grants set mark = ${keep} where kind = 'person' and mark = ${drop}`
}

/**
 * The account of this session and the one that the browser was signed in to until then, while that
 * is recent. Somebody who comes to an open laptop a day later has proven nothing.
 */
async function findPair(db: Db | Tx, token: string, how: 'read' | 'lock' = 'read') {
  const tokenHash = hashToken(token)
  if (how === 'lock')
    await db.$executeRaw`
      select 1 from keymint.sessions where token_hash = ${tokenHash} for update`
  const [pair] = await db.$queryRaw<Pair[]>`
    select s.token_hash as "tokenHash", e.user_id as earlier, s.user_id as current
    from keymint.sessions s join keymint.sessions e on e.token_hash = s.earlier_token_hash
    where s.token_hash = ${tokenHash} and s.ended_at is null and s.expires_at > now()
      and s.created_at > now() - interval '30 minutes' and e.user_id <> s.user_id`
  return pair ?? null
}

type Judgement = { keep: string; drop: string } | { refusal: Exclude<JoinRefusal, 'not-proven'> }

async function judge(
  ctx: JoinCtx,
  db: Db | Tx,
  pair: Pair,
): Promise<{ accounts: Account[]; logins: Login[]; judgement: Judgement }> {
  const both = [pair.earlier, pair.current]
  const logins = await db.$queryRaw<Login[]>`
    select provider, provider_user_id as "providerUserId", user_id as "userId", login, email,
      email_normalized as "emailNormalized" from keymint.identities
      where user_id = any(${both}) order by linked_at`
  const accounts = await db.$queryRaw<Account[]>`
    select a.user_id as "userId", a.first_seen_at as "firstSeenAt", a.banned_at is not null as banned,
      (select count(*) from keymint.workshop_attendance c where c.user_id = a.user_id)::int as claims,
      (select count(*) from keymint.team_members m where m.user_id = a.user_id and m.state <> 'removed')::int
        as teams,
      a.marketing_opted_in_at is not null
        or exists (select 1 from keymint.workshop_attendance c where c.user_id = a.user_id)
        or exists (select 1 from keymint.waitlist w where w.user_id = a.user_id)
        or exists (select 1 from keymint.team_members m where m.user_id = a.user_id)
        or exists (select 1 from keymint.teams t where t.created_by = a.user_id)
        or exists (select 1 from keymint.master_keys k where k.created_by = a.user_id)
        or exists (select 1 from keymint.invitations i where a.user_id in (i.created_by, i.used_by))
        as "inUse"
    from keymint.attendees a where a.user_id = any(${both}) and a.erased_at is null
    order by a.first_seen_at, a.user_id`
  const refusal = await refusalOf(ctx, db, pair, accounts, logins)
  const [older, newer] = accounts
  if (refusal || !older || !newer)
    return { accounts, logins, judgement: { refusal: refusal ?? 'both-in-use' } }
  const [keep, drop] = newer.inUse ? [newer, older] : [older, newer]
  return { accounts, logins, judgement: { keep: keep.userId, drop: drop.userId } }
}

async function refusalOf(
  ctx: JoinCtx,
  db: Db | Tx,
  pair: Pair,
  accounts: Account[],
  logins: Login[],
): Promise<Exclude<JoinRefusal, 'not-proven'> | null> {
  if (accounts.some(({ banned }) => banned) || (await isHeldByBan(ctx, db, logins))) return 'banned'
  const [earlier, current] = [pair.earlier, pair.current].map((userId) =>
    logins.filter((login) => login.userId === userId),
  )
  const shared = (by: (login: Login) => string | null) =>
    earlier?.some((one) => by(one) !== null && current?.some((other) => by(other) === by(one)))
  if (!shared(({ emailNormalized }) => emailNormalized)) return 'emails-differ'
  if (shared(({ provider }) => provider)) return 'same-provider'
  return accounts.every(({ inUse }) => inUse) ? 'both-in-use' : null
}

/** A ban that has outlived the rows of whom it bars. */
async function isHeldByBan(ctx: JoinCtx, db: Db | Tx, logins: Login[]): Promise<boolean> {
  const looked = logins.flatMap(marksOf).flatMap((mark) => ctx.fingerprints.allOf(mark))
  const held = await db.$queryRaw<{ found: boolean }[]>`
    select true as found from keymint.claim_holds
      where workshop_slug = '' and reason = 'banned' and fingerprint = any(${looked}) limit 1`
  return held.length > 0
}

/**
 * The provider of another account with the same verified address, if the two might be joined: what a
 * person with two accounts is told before they wonder where their keys are.
 */
export async function findTwin(ctx: Pick<Ctx, 'db'>, userId: string): Promise<Provider | null> {
  const [twin] = await ctx.db.$queryRaw<{ provider: string }[]>`
    select i.provider from keymint.identities mine
    join keymint.identities i on i.email_normalized = mine.email_normalized and i.user_id <> mine.user_id
    where mine.user_id = ${userId}
      and not exists (select 1 from keymint.identities one join keymint.identities other
        on other.provider = one.provider and other.user_id = i.user_id where one.user_id = ${userId})
    order by i.linked_at limit 1`
  return twin ? (twin.provider === 'google' ? 'google' : 'github') : null
}

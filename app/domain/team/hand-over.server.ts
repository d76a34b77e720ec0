/**
 * Handing live keys to another member. Guarantee: what a key may still spend leaves the old holder's
 * budget and fits into the new one's, in the transaction that moves it; what was spent stays with who
 * held it then. From that moment the old holder can neither see nor change the key.
 */
import type { Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { commitmentChange, post, readBalance } from '../money/postings.server'
import {
  isTeamClosed,
  openMember,
  requireActiveOwner,
  type OpenMember,
} from '../money/member-lock.server'
import { mayHoldKeys, type MemberRole } from '../money/roles'
import { audit } from './end-key.server'
import { committedIn, lockSubKeys, type SubKeyRow } from './key-row.server'
import { lockTeam } from './team.server'

export type HandOver = {
  teamId: string
  actorUserId: string
  from: string
  to: string
  /** One key; absent for every live key of `from`. */
  keyId?: string
  reason: string
}

export type HandOverOutcome =
  | { kind: 'handed'; count: number }
  | { kind: 'refused'; reason: 'budget-short'; free: NanoUsd }
  | {
      kind: 'refused'
      reason:
        | 'no-such-key'
        /** Another holder by now than `from`, whom the owner was shown. */
        | 'other-holder'
        | 'no-live-keys'
        | 'no-such-member'
        | 'same-holder'
        | 'not-able'
        | 'not-live'
        | 'too-many-keys'
        | 'month-open'
    }

/** All or none. Throws NotAllowed unless an active owner asks. */
export async function handOverKeys(ctx: Ctx, input: HandOver): Promise<HandOverOutcome> {
  const { teamId, actorUserId, reason } = input
  if (input.from === input.to) return { kind: 'refused', reason: 'same-holder' }
  return ctx.db.$transaction(async (tx): Promise<HandOverOutcome> => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    if (await isTeamClosed(tx, teamId)) return { kind: 'refused', reason: 'not-live' }
    const members = new Map<string, OpenMember>()
    // In one order, so that two hand-overs that cross wait for each other.
    for (const userId of [input.from, input.to].sort()) {
      const member = await openMember(ctx, tx, { teamId, userId })
      if (!member || member.state === 'removed')
        return { kind: 'refused', reason: 'no-such-member' }
      members.set(userId, member)
    }
    const [from, to] = [members.get(input.from), members.get(input.to)]
    if (!from || !to) return { kind: 'refused', reason: 'no-such-member' }
    if (to.state !== 'active' || !mayHoldKeys(to.role) || (await isBanned(tx, to.userId)))
      return { kind: 'refused', reason: 'not-able' }
    const keys = await lockLive(tx, from, input.keyId)
    if (keys.length === 0) return { kind: 'refused', reason: await whyNone(tx, input) }
    if (keys.some(({ state, expiresAt }) => state !== 'ready' || expiresAt <= ctx.now()))
      return { kind: 'refused', reason: 'not-live' }
    // What an older month still holds is the old holder's, and is read in minutes.
    const isOlder = (key: SubKeyRow) =>
      key.months.some(({ month, committed }) => committed > 0n && month !== from.month)
    if (from.month !== to.month || keys.some(isOlder))
      return { kind: 'refused', reason: 'month-open' }
    if (await isOverCeiling(tx, to, keys.length, ctx.now()))
      return { kind: 'refused', reason: 'too-many-keys' }
    const { free } = await readBalance(tx, to, to.month)
    const moved = keys.reduce((sum, key) => sum + committedIn(key, from.month), 0n)
    if (moved > free) return { kind: 'refused', reason: 'budget-short', free }
    for (const key of keys) await handOver(ctx, tx, key, { from, to, actorUserId, reason })
    return { kind: 'handed', count: keys.length }
  })
}

async function handOver(
  ctx: Ctx,
  tx: Tx,
  key: SubKeyRow,
  by: { from: OpenMember; to: OpenMember; actorUserId: string; reason: string },
): Promise<void> {
  const { from, to } = by
  const actor = `user:${by.actorUserId}` as const
  const committed = committedIn(key, from.month)
  const reason = 'the key was handed over'
  await post(
    tx,
    from,
    ctx.now(),
    actor,
    commitmentChange(from.month, key.id, committed, 0n).map((one) => ({ ...one, reason })),
  )
  await tx.$executeRaw`
    update keymint.api_keys set user_id = ${to.userId}, former_user_id = ${from.userId},
      handed_generation = generation, revealed_at = null where id = ${key.id}::uuid`
  await post(
    tx,
    to,
    ctx.now(),
    actor,
    commitmentChange(to.month, key.id, 0n, committed).map((one) => ({ ...one, reason })),
  )
  await audit(tx, to, key, actor, 'sub-key.handed-over', {
    from: `user:${from.userId}`,
    to: `user:${to.userId}`,
    reason: by.reason,
  })
}

/** The one key where it is this member's, or all of theirs that are being made or live. */
async function lockLive(tx: Tx, from: OpenMember, keyId: string | undefined): Promise<SubKeyRow[]> {
  const ids = await tx.$queryRaw<{ id: string }[]>`
    select id from keymint.api_keys where team_id = ${from.teamId}::uuid and user_id = ${from.userId}
      and (${keyId ?? null}::uuid is null or id = ${keyId ?? null}::uuid)
      and (${keyId ?? null}::uuid is not null or (state in ('pending', 'ready') and expires_at > keymint.now()))`
  return lockSubKeys(
    tx,
    ids.map(({ id }) => id),
  )
}

/** Nothing of `from` goes: the key is another's by now, or there is none. */
async function whyNone(
  tx: Tx,
  { teamId, keyId }: HandOver,
): Promise<'no-such-key' | 'other-holder' | 'no-live-keys'> {
  if (keyId === undefined) return 'no-live-keys'
  const there = await tx.$queryRaw<object[]>`
    select 1 from keymint.api_keys where id = ${keyId}::uuid and team_id = ${teamId}::uuid`
  return there.length > 0 ? 'other-holder' : 'no-such-key'
}

async function isBanned(tx: Tx, userId: string): Promise<boolean> {
  const banned = await tx.$queryRaw<object[]>`
    select 1 from keymint.attendees where user_id = ${userId} and banned_at is not null`
  return banned.length > 0
}

async function isOverCeiling(tx: Tx, to: OpenMember, more: number, now: Date): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ over: boolean }[]>`
    select (select count(*) from keymint.api_keys k where k.team_id = t.id and k.user_id = ${to.userId}
      and k.state in ('pending', 'ready') and k.expires_at > ${now}::timestamptz) + ${more}::int
      > t.max_live_keys as over
    from keymint.teams t where t.id = ${to.teamId}::uuid`
  return row?.over === true
}

/** Who can take a key of this member, by name. */
export async function listTakers(
  ctx: Pick<Ctx, 'db'>,
  ref: { teamId: string; userId: string },
): Promise<{ value: string; label: string }[]> {
  const members = await ctx.db.$queryRaw<{ value: string; label: string; role: MemberRole }[]>`
    select a.user_id as value, a.display_name as label, m.role from keymint.team_members m
    join keymint.attendees a using (user_id)
    where m.team_id = ${ref.teamId}::uuid and m.user_id <> ${ref.userId} and m.state = 'active'
      and a.banned_at is null order by a.display_name, a.user_id`
  return members
    .filter(({ role }) => mayHoldKeys(role))
    .map(({ value, label, role }) => ({
      value,
      label: role === 'service' ? `${label} (service account)` : label,
    }))
}

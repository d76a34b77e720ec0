/**
 * The sub-key's side of the engine: what it does to a row of api_keys and to the member's ledger.
 * Guarantee: the ledger follows what the key's windows hold; a month is a window, whatever the cap
 * does.
 */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { Holder, Move } from '../holder'
import { book } from '../keys/want.server'
import { whyAboveCeiling } from '../money/ceiling.server'
import { heldMember, isTeamClosed, openMember, type OpenMember } from '../money/member-lock.server'
import { monthOf, startOf, type Month } from '../money/month'
import { mayHoldKeys } from '../money/roles'
import {
  commitmentChange,
  post,
  readBalance,
  spendPostings,
  type Posting,
} from '../money/postings.server'
import { audit, endKeysOf, returnFree } from './end-key.server'
import {
  committedIn,
  lockSubKeys,
  openHolder,
  spentIn,
  subKeyHolder as idOf,
  type SubKeyRow,
} from './key-row.server'
import { keepFormer } from './overlap.server'

export const subKeyHolder: Holder = {
  async lock(ctx, tx, { holderId }) {
    // The member first, with the month open: what follows moves the member's money.
    await openHolder(ctx, tx, holderId)
    await tx.$executeRaw`select 1 from keymint.api_keys where id = ${holderId}::uuid for update`
  },

  async terms(tx, { holderId }) {
    const [key] = await tx.$queryRaw<{ cap: string; month: Month | null }[]>`
      select k.cap_usd::text as cap, (select max(b.month)::text from keymint.budget_months b
        where b.team_id = k.team_id and b.user_id = k.user_id) as month
      from keymint.api_keys k where k.id = ${holderId}::uuid`
    if (!key) return null
    const opened = key.month === null ? {} : { openedAt: startOf(key.month) }
    return { cap: nanoFromDecimalString(key.cap), accounting: 'month', ...opened }
  },

  async ready(tx, { holderId, generation }) {
    const changed = await tx.$executeRaw`
      update keymint.api_keys set state = 'ready', expires_at = coalesce((select k.expires_at from keymint.keys k
        where k.holder_kind = 'sub-key' and k.holder_id = ${holderId}::uuid
          and k.generation = ${generation}::int), expires_at)
      where id = ${holderId}::uuid and generation = ${generation}::int and state = 'pending'`
    return changed === 1
  },

  async refuse(tx, { holderId, generation }, refusal) {
    if (await keepFormer(tx, { holderId, generation }, refusal.detail)) return
    await tx.$executeRaw`
      update keymint.api_keys set state = 'refused', reason = ${refusal.reason}, reason_detail = ${refusal.detail}
      where id = ${holderId}::uuid and generation = ${generation}::int and state = 'pending'`
  },

  async lowerCap(tx, { holderId }, capUsd) {
    await tx.$executeRaw`
      update keymint.api_keys set cap_usd = least(cap_usd, ${capUsd}::numeric),
        change_error = 'The provider refused the new cap.'
      where id = ${holderId}::uuid and ${capUsd}::numeric > 0`
  },

  async move(ctx, tx, { holderId }, move) {
    const [key] = await lockSubKeys(tx, [holderId])
    const member = key ? await heldMember(tx, key) : null
    if (!key || !member) return true
    const postings = postingsOf(key, member.month, move)
    if (move.reserve) {
      const more = postings
        .filter(({ kind }) => kind === 'commit')
        .reduce((sum, { amount }) => sum + amount, 0n)
      if (more > 0n && more > (await readBalance(tx, member, member.month)).free) return false
      if (await whyAboveCeiling(tx, member.teamId, member.month, more)) return false
    }
    await post(tx, member, move.now, move.actor as AuditActor, postings)
    if (member.state === 'removed') await returnFree(ctx, tx, member, move.actor as AuditActor)
    else if (!mayHoldKeys(member.role))
      await returnFree(ctx, tx, member, move.actor as AuditActor, 'the member is a viewer')
    else if (await isTeamClosed(tx, member.teamId))
      await returnFree(ctx, tx, member, move.actor as AuditActor, 'the team is closed')
    return true
  },

  async expire(ctx, tx, { holderId, generation }, reason = 'expired') {
    const [key] = await lockSubKeys(tx, [holderId])
    const member = key ? await heldMember(tx, key) : null
    const changed = await tx.$executeRaw`
      update keymint.api_keys set state = 'ended', reason = ${reason},
        ended_at = case when ${reason === 'expired'} then expires_at else keymint.now() end
      where id = ${holderId}::uuid and generation = ${generation}::int and state = 'ready'`
    if (changed === 1 && key && member)
      await audit(tx, member, key, 'worker', `sub-key.${reason}`, {})
    return changed === 1
  },

  async endAllOf(ctx, tx, { userId, actorUserId }) {
    const memberships = await tx.$queryRaw<{ teamId: string }[]>`
      select team_id as "teamId" from keymint.team_members where user_id = ${userId} and state <> 'removed'
      order by team_id`
    let count = 0
    for (const { teamId } of memberships) {
      const member = await openMember(ctx, tx, { teamId, userId })
      if (member)
        count += await endKeysOf(ctx, tx, member, {
          actor: `user:${actorUserId}`,
          reason: 'revoked',
        })
    }
    return { bulkId: null, count }
  },
}

/** From what the ledger has for this key to what its windows say, month by month. */
function postingsOf(key: SubKeyRow, present: Month, { keys, reserve, why }: Move): Posting[] {
  const due = new Map<Month, { spent: NanoUsd; committed: NanoUsd }>()
  const at = (month: Month) => {
    const row = due.get(month) ?? { spent: 0n, committed: 0n }
    due.set(month, row)
    return row
  }
  for (const { month } of key.months) at(month)
  for (const one of keys)
    for (const { startsAt, reserved, used } of one.windows) {
      const month = monthOf(startsAt)
      const row = at(month > present ? present : month)
      row.spent += used
      if (reserved > used) row.committed += reserved - used
    }
  return [...due]
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([month, row]) => {
      const committed = committedIn(key, month)
      const more = row.spent - spentIn(key, month)
      const spent = more > 0n ? spendPostings(month, key.id, committed, more) : []
      const left =
        committed > more ? committed - (more > 0n ? more : 0n) : more > 0n ? 0n : committed
      return [
        ...spent,
        ...commitmentChange(month, key.id, left, row.committed, reserve ? 'commit' : 'carry').map(
          (posting) => ({ ...posting, reason: why }),
        ),
      ]
    })
}

/** A month has begun: what the member's keys may spend in it is committed before anything else. */
export async function bookMonth(ctx: Ctx, tx: Tx, member: OpenMember): Promise<void> {
  const live = await tx.$queryRaw<{ id: string }[]>`
    select k.id from keymint.api_keys k
    where k.team_id = ${member.teamId}::uuid and k.user_id = ${member.userId} and exists (
      select 1 from keymint.keys e where e.holder_kind = 'sub-key' and e.holder_id = k.id and e.settled_at is null
        and (e.saved_at is not null or e.off_ended_at is null))
    order by k.id for update of k`
  for (const { id } of live)
    await book(ctx, tx, idOf(id), { actor: 'worker', why: 'the month begins' })
}

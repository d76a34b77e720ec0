/**
 * Sub-keys: what a member makes alone, inside the budget. Guarantee: a key is reserved for before
 * it is asked for, and money is given back only when the provider can no longer charge it. What
 * must happen at the provider is written on the row and carried out by `apply-sub-key`; nothing
 * here calls out.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { openMember, teamScope, type OpenMember } from '../money/member-lock.server'
import { commitmentChange, post, readBalance } from '../money/postings.server'
import type { MoneyView } from '../money-view'
import { moneyView } from '../money-view'
import {
  committedIn,
  dueCommitment,
  lockSubKeys,
  openSubKey,
  releaseAll,
  spentOfCap,
  type SubKeyRow,
} from './key-row.server'

export type ProvisionInput = {
  teamId: string
  userId: string
  masterKeyId: string
  purpose: string
  cap: NanoUsd
  reset: 'monthly' | null
  expiresAt: Date
  models: string[]
}

export type ProvisionRefusal =
  | { kind: 'refused'; reason: 'not-enough'; free: NanoUsd }
  | {
      kind: 'refused'
      reason: 'not-active' | 'no-master-key' | 'not-offered' | 'switched-off' | 'bad-expiry'
    }
export type ProvisionOutcome = { kind: 'queued'; keyId: string } | ProvisionRefusal

/** A key ends by itself, within this time. */
export const longestLifeMs = 366 * 86_400_000
const shortestLifeMs = 10 * 60_000

/** Reserves the cap, writes the key's row and sends its mint, all or nothing. */
export async function provisionSubKey(ctx: Ctx, input: ProvisionInput): Promise<ProvisionOutcome> {
  const { teamId, userId, masterKeyId, cap, reset, expiresAt } = input
  const now = ctx.now()
  if (!ctx.settings.provisioningEnabled) return { kind: 'refused', reason: 'switched-off' }
  if (
    expiresAt.getTime() < now.getTime() + shortestLifeMs ||
    expiresAt.getTime() > now.getTime() + longestLifeMs
  )
    return { kind: 'refused', reason: 'bad-expiry' }
  return ctx.db.$transaction(async (tx): Promise<ProvisionOutcome> => {
    const member = await openMember(ctx, tx, { teamId, userId })
    if (member?.state !== 'active') return { kind: 'refused', reason: 'not-active' }
    const [master] = await tx.$queryRaw<{ service: string }[]>`
      select service from keymint.master_keys where id = ${masterKeyId}::uuid and team_id = ${teamId}::uuid
        and state = 'active' for share`
    if (!master) return { kind: 'refused', reason: 'no-master-key' }
    const capabilities = ctx.services.get(master.service)?.capabilities
    const offered =
      capabilities?.expiry &&
      (reset === null || capabilities.resets.includes(reset)) &&
      (input.models.length === 0 || capabilities.modelList)
    if (!offered) return { kind: 'refused', reason: 'not-offered' }
    const { free } = await readBalance(tx, member, member.month)
    if (cap > free) return { kind: 'refused', reason: 'not-enough', free }
    const keyId = randomUUID()
    const capUsd = decimalStringFromNano(cap)
    await tx.$executeRaw`
      insert into keymint.api_keys (id, team_id, user_id, master_key_id, service, purpose, cap_usd, reset,
        expires_at, models, window_month, created_at)
      values (${keyId}::uuid, ${teamId}::uuid, ${userId}, ${masterKeyId}::uuid, ${master.service},
        ${input.purpose}, ${capUsd}::numeric, ${reset},
        ${expiresAt}::timestamptz, ${input.models}::text[], ${member.month}::date, ${now}::timestamptz)`
    await post(tx, member, now, `user:${userId}`, [
      { kind: 'commit', month: member.month, amount: cap, apiKeyId: keyId },
    ])
    await queueSubKeyMint(ctx, tx, member, { id: keyId, generation: 1, limit: cap })
    await recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'sub-key.asked',
      subject: `sub-key:${keyId}`,
      workshopSlug: teamScope(member.slug),
      details: {
        purpose: input.purpose,
        service: master.service,
        capUsd,
        reset,
        expiresAt: expiresAt.toISOString(),
      },
    })
    return { kind: 'queued', keyId }
  })
}

/** Writes the mint of a generation, a snapshot of the key's row, and its job. */
export async function queueSubKeyMint(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: { id: string; generation: number; limit: NanoUsd },
): Promise<void> {
  const mintId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.mints (id, holder_kind, holder_id, generation, scope, limit_usd, limit_reset, expires_at,
      allowed_models, account)
    select ${mintId}::uuid, 'sub-key', id, ${key.generation}::int, ${teamScope(member.slug)},
      ${decimalStringFromNano(key.limit)}::numeric, reset, expires_at, models, master_key_id
    from keymint.api_keys where id = ${key.id}::uuid`
  await ctx.queue.enqueue(tx, 'mint-sub-key', { mintId }, { singletonKey: mintId })
}

export type KeyActor = { userId: string; keyId: string; teamId: string }
type Refused = {
  kind: 'refused'
  reason: 'no-such-key' | 'not-live' | 'change-under-way' | 'not-active' | 'no-master-key'
}
export type ChangeCapOutcome =
  | { kind: 'asked' }
  | { kind: 'unchanged' }
  | Refused
  | { kind: 'refused'; reason: 'not-enough'; free: NanoUsd }
  | { kind: 'refused'; reason: 'below-used'; used: NanoUsd }

/**
 * Raising reserves now and counts when the provider has confirmed; lowering gives back when it has.
 * By the key's member, or an owner of the team.
 */
export async function changeCap(
  ctx: Ctx,
  actor: KeyActor,
  change: { cap: NanoUsd; reason: string },
): Promise<ChangeCapOutcome> {
  return onKey(ctx, actor, async (tx, member, key): Promise<ChangeCapOutcome> => {
    const refusal = whyNotChangeable(member, key, ctx.now())
    if (refusal) return { kind: 'refused', reason: refusal }
    if (change.cap === key.cap) return { kind: 'unchanged' }
    const used = spentOfCap(key, member.month)
    if (change.cap <= used || change.cap <= key.carried)
      return { kind: 'refused', reason: 'below-used', used }
    const committed = committedIn(key, member.month)
    const due = dueCommitment({ ...key, wantedCap: change.cap }, member.month)
    const { free } = await readBalance(tx, member, member.month)
    if (change.cap > key.cap && !(await isActive(tx, key.masterKeyId)))
      return { kind: 'refused', reason: 'no-master-key' }
    // Also nothing new while free is below nothing, whatever this change would cost.
    if (change.cap > key.cap && due - committed > free)
      return { kind: 'refused', reason: 'not-enough', free }
    await tx.$executeRaw`
      update keymint.api_keys
        set wanted_cap_usd = ${decimalStringFromNano(change.cap)}::numeric, change_error = null
        where id = ${key.id}::uuid`
    await sendApply(ctx, tx, key.id)
    await audit(tx, member, key, `user:${actor.userId}`, 'sub-key.cap-asked', {
      fromUsd: decimalStringFromNano(key.cap),
      toUsd: decimalStringFromNano(change.cap),
      reason: change.reason,
    })
    await post(
      tx,
      member,
      ctx.now(),
      `user:${actor.userId}`,
      commitmentChange(member.month, key.id, committed, due),
    )
    return { kind: 'asked' }
  })
}

export type CapPreview = {
  from: MoneyView
  to: MoneyView
  used: MoneyView
  freeBefore: MoneyView
  freeAfter: MoneyView
  raises: boolean
  possible: boolean
  why: 'below-used' | 'not-enough' | null
}

/**
 * What a change of the cap would do to the budget, without doing it. Null where there is nothing to
 * change.
 */
export async function previewCap(
  ctx: Ctx,
  ref: { teamId: string; keyId: string },
  cap: NanoUsd,
): Promise<CapPreview | null> {
  return ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, ref.keyId)
    if (
      !open ||
      open.key.teamId !== ref.teamId ||
      whyNotChangeable(open.member, open.key, ctx.now()) !== null ||
      cap === open.key.cap
    )
      return null
    const { member, key } = open
    const used = spentOfCap(key, member.month)
    const { free } = await readBalance(tx, member, member.month)
    const change = dueCommitment(key, member.month, cap) - committedIn(key, member.month)
    const raises = cap > key.cap
    const why =
      cap <= used || cap <= key.carried
        ? 'below-used'
        : raises && change > free
          ? 'not-enough'
          : null
    return {
      from: moneyView(key.cap),
      to: moneyView(cap),
      used: moneyView(used),
      freeBefore: moneyView(free),
      freeAfter: moneyView(free - change),
      raises,
      possible: why === null,
      why,
    }
  })
}

export type RotateOutcome =
  { kind: 'asked' } | Refused | { kind: 'refused'; reason: 'nothing-left' }

/** The old key is disabled first, and what is left of its budget goes to a new one. */
export async function rotateSubKey(
  ctx: Ctx,
  actor: KeyActor,
  reason: string,
): Promise<RotateOutcome> {
  return onKey(ctx, actor, async (tx, member, key): Promise<RotateOutcome> => {
    const refusal = whyNotChangeable(member, key, ctx.now())
    if (refusal) return { kind: 'refused', reason: refusal }
    if (spentOfCap(key, member.month) >= key.cap) return { kind: 'refused', reason: 'nothing-left' }
    if (!(await isActive(tx, key.masterKeyId))) return { kind: 'refused', reason: 'no-master-key' }
    await tx.$executeRaw`
      update keymint.api_keys set rotate_requested_at = ${ctx.now()}::timestamptz, change_error = null
        where id = ${key.id}::uuid`
    await sendApply(ctx, tx, key.id)
    await audit(tx, member, key, `user:${actor.userId}`, 'sub-key.rotation-asked', {
      generation: key.generation,
      reason,
    })
    return { kind: 'asked' }
  })
}

export type DeleteOutcome =
  { kind: 'ended' } | { kind: 'refused'; reason: 'no-such-key' | 'not-live' }

/** Ends the key at once for its holder; what is unspent returns after the last reading. */
export async function deleteSubKey(
  ctx: Ctx,
  actor: KeyActor,
  reason: string,
): Promise<DeleteOutcome> {
  return onKey(ctx, actor, async (tx, member, key): Promise<DeleteOutcome> => {
    if (key.state !== 'ready' && key.state !== 'pending')
      return { kind: 'refused', reason: 'not-live' }
    await endKey(ctx, tx, member, key, {
      actor: `user:${actor.userId}`,
      reason: key.userId === actor.userId ? 'deleted' : 'revoked',
      details: { reason },
    })
    return { kind: 'ended' }
  })
}

export type KeyEnd =
  'deleted' | 'revoked' | 'expired' | 'member-removed' | 'member-suspended' | 'spent'

/**
 * Ends a live key in the caller's transaction, which holds member and key. A key that was never
 * made gives its money back at once.
 */
export async function endKey(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: SubKeyRow,
  end: { actor: AuditActor; reason: KeyEnd; endedAt?: Date; details?: Record<string, string> },
): Promise<void> {
  const neverMade = key.state === 'pending'
  const endedAt = end.endedAt ?? ctx.now()
  await tx.$executeRaw`
    update keymint.api_keys
      set state = 'ended', reason = ${end.reason}, ended_at = ${endedAt}::timestamptz, sealed = null,
      rotate_requested_at = null,
      closed_upstream_at = case when ${neverMade} then ${endedAt}::timestamptz end, settled_at = case
        when ${neverMade} then ${endedAt}::timestamptz end,
      deleted_upstream_at = case when ${neverMade} then ${endedAt}::timestamptz end
    where id = ${key.id}::uuid`
  // Whatever its mint still makes is condemned by the save, which finds no owner waiting.
  if (neverMade)
    await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now() where holder_kind = 'sub-key'
        and holder_id = ${key.id}::uuid and generation = ${key.generation}::int and state = 'pending'`
  else await sendApply(ctx, tx, key.id)
  await audit(tx, member, key, end.actor, `sub-key.${end.reason}`, end.details ?? {})
  if (neverMade) await giveBack(ctx, tx, member, key, end.actor, 'never made')
}

/** Returns what is still committed. Of a member who is gone, it goes back to where it came from. */
export async function giveBack(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: SubKeyRow,
  actor: AuditActor,
  reason: string,
): Promise<void> {
  await post(tx, member, ctx.now(), actor, releaseAll(key, reason))
  if (member.state === 'removed') await returnFree(ctx, tx, member, actor)
}

/** Takes what is free back from the member. */
export async function returnFree(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  actor: AuditActor,
): Promise<NanoUsd> {
  const { free } = await readBalance(tx, member, member.month)
  if (free <= 0n) return 0n
  await post(tx, member, ctx.now(), actor, [
    { kind: 'deallocate', month: member.month, amount: free, reason: 'the member has left' },
  ])
  return free
}

/** Ends every live key of a member. Returns how many. The caller holds the member. */
export async function endKeysOf(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  end: { actor: AuditActor; reason: KeyEnd },
): Promise<number> {
  const ids = await tx.$queryRaw<{ id: string }[]>`
    select id from keymint.api_keys where team_id = ${member.teamId}::uuid and user_id = ${member.userId}
      and state in ('pending', 'ready') order by id`
  for (const key of await lockSubKeys(
    tx,
    ids.map(({ id }) => id),
  )) {
    if (key.state === 'pending' || key.state === 'ready') await endKey(ctx, tx, member, key, end)
  }
  return ids.length
}

/**
 * One may wait while one runs: a change that is made while an earlier one is carried out is not
 * missed.
 */
export async function sendApply(ctx: Ctx, tx: Tx, keyId: string): Promise<void> {
  await ctx.queue.enqueue(tx, 'apply-sub-key', { keyId }, { singletonKey: keyId })
}

export async function audit(
  tx: Tx,
  member: OpenMember,
  key: { id: string },
  actor: AuditActor,
  action: string,
  details: Record<string, string | number | null>,
): Promise<void> {
  await recordAudit(tx, {
    actor,
    action,
    subject: `sub-key:${key.id}`,
    workshopSlug: teamScope(member.slug),
    details,
  })
}

/** With a master key that is switched off, keys are read, lowered and deleted, and nothing else. */
async function isActive(tx: Tx, masterKeyId: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<
    { state: string }[]
  >`select state from keymint.master_keys where id = ${masterKeyId}::uuid`
  return row?.state === 'active'
}

function whyNotChangeable(
  member: OpenMember,
  key: SubKeyRow,
  now: Date,
): 'not-live' | 'change-under-way' | 'not-active' | null {
  if (member.state !== 'active') return 'not-active'
  if (key.state !== 'ready' || key.expiresAt <= now) return 'not-live'
  return key.wantedCap !== null || key.rotateRequestedAt !== null ? 'change-under-way' : null
}

/**
 * Runs on a key that the actor may touch: their own, or any of the team for an owner. Everything
 * else is not there.
 */
async function onKey<Outcome>(
  ctx: Ctx,
  actor: KeyActor,
  run: (tx: Tx, member: OpenMember, key: SubKeyRow) => Promise<Outcome>,
): Promise<Outcome | { kind: 'refused'; reason: 'no-such-key' }> {
  return ctx.db.$transaction(async (tx) => {
    const [allowed] = await tx.$queryRaw<{ id: string }[]>`
      select k.id from keymint.api_keys k join keymint.team_members a on a.team_id = k.team_id
        and a.user_id = ${actor.userId} and a.state <> 'removed'
      where k.id = ${actor.keyId}::uuid and k.team_id = ${actor.teamId}::uuid
        and (k.user_id = a.user_id or (a.role = 'owner' and a.state = 'active'))`
    const open = allowed ? await openSubKey(ctx, tx, allowed.id) : null
    if (!open) return { kind: 'refused', reason: 'no-such-key' } as const
    return run(tx, open.member, open.key)
  })
}

/**
 * Sub-keys: keys that a member makes within the budget. Guarantee: the cap is reserved before the
 * key is requested, and money goes back only when the provider can no longer charge it. What must
 * happen at the provider is written to the row and done by `apply-sub-key`; nothing here calls out.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import {
  openMember,
  requireActiveOwner,
  requireNotBanned,
  teamScope,
  type OpenMember,
} from '../money/member-lock.server'
import { commitmentChange, post, readBalance } from '../money/postings.server'
import type { MoneyView } from '../money-view'
import { moneyView } from '../money-view'
import {
  committedIn,
  dueCommitment,
  openSubKey,
  spentOfCap,
  type SubKeyRow,
} from './key-row.server'
import { endKey, sendApply, audit } from './end-key.server'

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

const maxLifeMs = 366 * 86_400_000
const minLifeMs = 10 * 60_000

/**
 * Reserves the cap (nano-USD), writes the key's row and sends its mint, all in one transaction. A
 * refusal changes nothing; one for `not-enough` says what is free. Ids are uuids.
 */
export async function provisionSubKey(ctx: Ctx, input: ProvisionInput): Promise<ProvisionOutcome> {
  const { teamId, userId, masterKeyId, cap, reset, expiresAt } = input
  const now = ctx.now()
  if (!ctx.settings.provisioningEnabled) return { kind: 'refused', reason: 'switched-off' }
  if (
    expiresAt.getTime() < now.getTime() + minLifeMs ||
    expiresAt.getTime() > now.getTime() + maxLifeMs
  )
    return { kind: 'refused', reason: 'bad-expiry' }
  return ctx.db.$transaction(async (tx): Promise<ProvisionOutcome> => {
    await requireNotBanned(tx, userId)
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
      scope: teamScope(member.slug),
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

/** Writes the mint of a generation, which copies the key's row, and its job. */
export async function queueSubKeyMint(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: { id: string; generation: number; limit: NanoUsd },
): Promise<void> {
  const mintId = randomUUID()
  await tx.$executeRaw`
    insert into keymint.mints (id, owner_kind, owner_id, generation, scope, limit_usd, limit_reset, expires_at,
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
 * Changes the cap (nano-USD), for the key's holder or an owner of the team. A raise is reserved at
 * once and usable when the provider has confirmed it; a lower cap releases money when it has.
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
    // With less than nothing free no cap is raised, whatever the raise would cost.
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
 * What a change of the cap would do to the budget, without doing it. Null when the key cannot be
 * changed, or has this cap.
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

/** Asks for a rotation: the old key is disabled first, then a new one gets what is left of its cap. */
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

/** With a disabled master key, keys can only be read, lowered and deleted. */
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
 * Runs on a key of the actor, or any key of the team for an owner. Throws NotAllowed for anybody
 * else, and for who is banned.
 */
async function onKey<Outcome>(
  ctx: Ctx,
  actor: KeyActor,
  run: (tx: Tx, member: OpenMember, key: SubKeyRow) => Promise<Outcome>,
): Promise<Outcome | { kind: 'refused'; reason: 'no-such-key' }> {
  return ctx.db.$transaction(async (tx) => {
    const [key] = await tx.$queryRaw<{ userId: string }[]>`
      select user_id as "userId" from keymint.api_keys
      where id = ${actor.keyId}::uuid and team_id = ${actor.teamId}::uuid`
    if (!key) return { kind: 'refused', reason: 'no-such-key' } as const
    // An owner's right is asked for under the lock of the team, and stays until the end.
    if (key.userId === actor.userId) await requireNotBanned(tx, actor.userId)
    else await requireActiveOwner(tx, actor.teamId, actor.userId)
    const open = await openSubKey(ctx, tx, actor.keyId)
    const gone = open?.member.state === 'removed' && key.userId === actor.userId
    if (!open || gone) return { kind: 'refused', reason: 'no-such-key' } as const
    return run(tx, open.member, open.key)
  })
}

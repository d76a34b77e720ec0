/**
 * Sub-keys: keys that a member makes within the budget. Guarantee: the cap is reserved before the
 * key is requested, and money goes back only when the provider can no longer charge it. What must
 * happen at the provider is written to the key's row and done by the loop; nothing here calls out.
 */
import { randomUUID } from 'node:crypto'
import { invariant } from '@epic-web/invariant'
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { minLimit } from '../keys/key-row'
import { book, moveVersion, requestKey, wantOff } from '../keys/want.server'
import { whyAboveCeiling, type CeilingRefusal } from '../money/ceiling.server'
import { isTeamClosed, teamScope, type OpenMember } from '../money/member-lock.server'
import { readBalance } from '../money/postings.server'
import { mayHoldKeys } from '../money/roles'
import {
  committedIn,
  dueCommitment,
  spentOfCap,
  subKeyHolder,
  type SubKeyRow,
} from './key-row.server'
import { chosenOptions } from './chosen-options'
import { endKey, audit } from './end-key.server'
import { isAtKeyCeiling } from './key-ceiling.server'
import { findPosted } from './posted-key.server'
import { holdModels, whyNotOffered, type ModelRefusal } from './model-limits.server'
import { onKey, type KeyActor } from './on-key.server'
import { maxLifeMs, whyNotLater, type EndRefusal } from './key-life'
import { beginOverlap, lowerOldKeys, mayOverlap } from './overlap.server'
import { openPayer } from './service-accounts.server'

export type ProvisionInput = {
  teamId: string
  userId: string
  /** An active owner who asks for a service account; absent for a person's own key. */
  actorUserId?: string
  masterKeyId: string
  purpose: string
  /** What it is counted under; at most 40 characters. */
  project?: string | null
  cap: NanoUsd
  reset: 'monthly' | null
  expiresAt: Date
  models: string[]
  /** The form's own id: posted twice, it asks for one key. */
  formId?: string
  /** By the names of the options that the service declares; what is absent is its first choice. */
  options?: Record<string, string>
}

export type ProvisionRefusal =
  | CeilingRefusal
  | ModelRefusal
  | { kind: 'refused'; reason: 'not-enough'; free: NanoUsd }
  | {
      kind: 'refused'
      reason:
        | 'not-active'
        | 'team-closed'
        | 'too-many-keys'
        | 'no-master-key'
        | 'not-offered'
        | 'switched-off'
        | 'bad-expiry'
    }
export type ProvisionOutcome = { kind: 'queued'; keyId: string } | ProvisionRefusal

/** A member's money is what bounds a sub-key; there is no pool and no seat. */
const noSeat = { caps: null, takeSeat: false }
const minLifeMs = 10 * 60_000

/**
 * Reserves the cap (nano-USD), writes the key's row and sends its mint, all in one transaction. A
 * refusal changes nothing; one for `not-enough` or `team-ceiling` says what is left. Ids are uuids.
 */
export async function provisionSubKey(ctx: Ctx, input: ProvisionInput): Promise<ProvisionOutcome> {
  const { teamId, userId, masterKeyId, cap, reset, expiresAt } = input
  const now = ctx.now()
  const actorUserId = input.actorUserId ?? userId
  const actor = `user:${actorUserId}` as const
  if (!ctx.settings.provisioningEnabled) return { kind: 'refused', reason: 'switched-off' }
  if (
    expiresAt.getTime() < now.getTime() + minLifeMs ||
    expiresAt.getTime() > now.getTime() + maxLifeMs
  )
    return { kind: 'refused', reason: 'bad-expiry' }
  const unknown = await whyNotOffered(ctx, input)
  if (unknown) return unknown
  return ctx.db.$transaction(async (tx): Promise<ProvisionOutcome> => {
    const member = await openPayer(ctx, tx, { teamId, userId }, actorUserId)
    if (member?.state !== 'active' || !mayHoldKeys(member.role))
      return { kind: 'refused', reason: 'not-active' }
    const asked = input.formId === undefined ? null : await findPosted(tx, input, input.formId)
    if (asked?.same) return { kind: 'queued', keyId: asked.id }
    const [master] = await tx.$queryRaw<{ service: string }[]>`
      select service from keymint.master_keys where id = ${masterKeyId}::uuid and team_id = ${teamId}::uuid
        and state = 'active' for share`
    // A closing disables the credential: asked after both locks, it is seen.
    if (await isTeamClosed(tx, teamId)) return { kind: 'refused', reason: 'team-closed' }
    if (!master) return { kind: 'refused', reason: 'no-master-key' }
    const capabilities = ctx.services.get(master.service)?.capabilities
    const options = capabilities ? chosenOptions(capabilities.options, input.options ?? {}) : null
    const offered =
      capabilities &&
      options &&
      (reset === null || capabilities.resets.includes(reset)) &&
      (input.models.length === 0 || capabilities.modelList !== 'none')
    if (!offered) return { kind: 'refused', reason: 'not-offered' }
    if (await isAtKeyCeiling(tx, { teamId, userId }, now))
      return { kind: 'refused', reason: 'too-many-keys' }
    const { free } = await readBalance(tx, member, member.month)
    if (cap > free) return { kind: 'refused', reason: 'not-enough', free }
    const list = { teamId, service: master.service, chosen: input.models }
    const { models, outside } = await holdModels(tx, list)
    if (outside !== null)
      return { kind: 'refused', reason: 'model-not-allowed', model: outside, suggestion: null }
    const above = await whyAboveCeiling(tx, teamId, member.month, cap)
    if (above) return above
    const keyId = asked?.id ?? input.formId ?? randomUUID()
    const capUsd = decimalStringFromNano(cap)
    await tx.$executeRaw`
      insert into keymint.api_keys (id, team_id, user_id, master_key_id, service, purpose, project, cap_usd, reset,
        expires_at, models, options, created_at)
      values (${keyId}::uuid, ${teamId}::uuid, ${userId}, ${masterKeyId}::uuid, ${master.service},
        ${input.purpose}, ${input.project ?? null}, ${capUsd}::numeric, ${reset},
        ${expiresAt}::timestamptz, ${input.models}::text[], ${JSON.stringify(options)}::jsonb,
        ${now}::timestamptz)`
    await requestKey(
      ctx,
      tx,
      { ...subKeyHolder(keyId), generation: 1 },
      {
        limit: cap,
        limitReset: reset,
        expiresAt,
        allowedModels: models,
        options,
        account: masterKeyId,
        scope: teamScope(member.slug),
        wantsGuardrail: false,
        grant: 1,
      },
    )
    await audit(tx, member, { id: keyId }, actor, 'sub-key.asked', {
      purpose: input.purpose,
      ...(input.project ? { project: input.project } : {}),
      service: master.service,
      ...(models.length > 0 ? { models: models.join(', ') } : {}),
      capUsd,
      reset,
      expiresAt: expiresAt.toISOString(),
    })
    const fits = await book(ctx, tx, subKeyHolder(keyId), {
      actor,
      why: 'a key was made',
      reserve: noSeat,
    })
    invariant(fits, 'what was free a moment ago is free under the same lock')
    return { kind: 'queued', keyId }
  })
}

type Refused = {
  kind: 'refused'
  reason: 'no-such-key' | 'not-live' | 'not-active' | 'no-master-key' | 'not-replaceable'
}
export type ChangeCapOutcome =
  | { kind: 'asked' }
  | { kind: 'unchanged' }
  | Refused
  | CeilingRefusal
  | { kind: 'refused'; reason: 'not-enough'; free: NanoUsd }
  | { kind: 'refused'; reason: 'below-used'; used: NanoUsd }
  | { kind: 'refused'; reason: 'stale-cap' }

/**
 * Changes the cap (nano-USD), for the key's holder or an owner of the team. A raise is reserved at
 * once and usable when the provider has confirmed it; a lower cap releases money when it has.
 */
export async function changeCap(
  ctx: Ctx,
  actor: KeyActor,
  /** `was`: the cap that the person was shown. Another one by now is not what they agreed to change. */
  change: { cap: NanoUsd; reason: string; was?: NanoUsd },
): Promise<ChangeCapOutcome> {
  return onKey(ctx, actor, async (tx, { member, key, keys }): Promise<ChangeCapOutcome> => {
    const refusal = whyNotChangeable(member, key, ctx.now())
    if (refusal) return { kind: 'refused', reason: refusal }
    if (change.cap === key.cap) return { kind: 'unchanged' }
    if (change.was !== undefined && change.was !== key.cap)
      return { kind: 'refused', reason: 'stale-cap' }
    const used = spentOfCap(key, member.month)
    if (change.cap <= used) return { kind: 'refused', reason: 'below-used', used }
    const raises = change.cap > key.cap
    const { free } = await readBalance(tx, member, member.month)
    if (raises && !(await isActive(tx, key.masterKeyId)))
      return { kind: 'refused', reason: 'no-master-key' }
    // With less than nothing free no cap is raised, whatever the raise would cost.
    const more = dueCommitment(key, member.month, change.cap) - committedIn(key, member.month)
    if (raises && more > free) return { kind: 'refused', reason: 'not-enough', free }
    const above = raises ? await whyAboveCeiling(tx, key.teamId, member.month, more) : null
    if (above) return above
    await tx.$executeRaw`
      update keymint.api_keys set cap_usd = ${decimalStringFromNano(change.cap)}::numeric, change_error = null
      where id = ${key.id}::uuid`
    const present = keys.find(({ generation }) => generation === key.generation)
    if (present) await moveVersion(tx, present)
    await lowerOldKeys(ctx, tx, key, keys, change.cap - used)
    await audit(tx, member, key, `user:${actor.userId}`, 'sub-key.cap-changed', {
      fromUsd: decimalStringFromNano(key.cap),
      toUsd: decimalStringFromNano(change.cap),
      reason: change.reason,
    })
    const fits = await book(ctx, tx, subKeyHolder(key.id), {
      actor: `user:${actor.userId}`,
      why: 'the cap was changed',
      ...(raises ? { reserve: noSeat } : {}),
    })
    invariant(fits, 'what was free a moment ago is free under the same lock')
    return { kind: 'asked' }
  })
}

export type RotateOutcome =
  | { kind: 'asked' }
  | Refused
  | { kind: 'refused'; reason: 'nothing-left' | 'no-overlap' | EndRefusal }

/**
 * Asks for a rotation. Without an overlap the old key is disabled first, then a new one gets what is
 * left of its cap. With one the old key is lowered first, and works on beside the new one for so
 * many hours: both together never spend more than the cap. The new one may end later.
 */
export async function rotateSubKey(
  ctx: Ctx,
  actor: KeyActor,
  reason: string,
  /** The generation that the form showed: posted twice, it replaces that one once. */
  shown?: number,
  overlapHours = 0,
  /** Of the new key, where it is to end later than this one. */
  expiresAt?: Date,
): Promise<RotateOutcome> {
  return onKey(ctx, actor, async (tx, { member, key, keys }): Promise<RotateOutcome> => {
    if (shown !== undefined && key.generation > shown) return { kind: 'asked' }
    const refusal = whyNotChangeable(member, key, ctx.now())
    if (refusal) return { kind: 'refused', reason: refusal }
    const badEnd = expiresAt && whyNotLater(key.expiresAt, expiresAt, ctx.now())
    if (badEnd) return { kind: 'refused', reason: badEnd }
    const capabilities = ctx.services.get(key.service)?.capabilities
    if (capabilities?.rotation === false) return { kind: 'refused', reason: 'not-replaceable' }
    if (overlapHours > 0 && !mayOverlap(capabilities, key.reset))
      return { kind: 'refused', reason: 'no-overlap' }
    const left = key.cap - spentOfCap(key, member.month)
    if (left <= 0n) return { kind: 'refused', reason: 'nothing-left' }
    if (!(await isActive(tx, key.masterKeyId))) return { kind: 'refused', reason: 'no-master-key' }
    const generation = (keys.at(-1)?.generation ?? key.generation) + 1
    const holder = subKeyHolder(key.id)
    const old = keys.filter((one) => overlapHours === 0 || one.generation !== key.generation)
    const { models } = await holdModels(tx, {
      teamId: key.teamId,
      service: key.service,
      chosen: key.models,
    })
    await wantOff(ctx, tx, old, 'replaced')
    if (overlapHours > 0) await beginOverlap(ctx, tx, key, keys, { left, hours: overlapHours })
    await tx.$executeRaw`
      update keymint.api_keys set state = 'pending', generation = ${generation}::int, revealed_at = null,
        change_error = null, reason_detail = null where id = ${key.id}::uuid`
    await requestKey(
      ctx,
      tx,
      { ...holder, generation },
      {
        limit: minLimit,
        limitReset: key.reset,
        expiresAt: expiresAt ?? key.expiresAt,
        allowedModels: models,
        account: key.masterKeyId,
        scope: teamScope(member.slug),
        wantsGuardrail: false,
        grant: 1,
      },
    )
    await audit(tx, member, key, `user:${actor.userId}`, 'sub-key.rotated', {
      generation,
      ...(overlapHours > 0 ? { overlapHours } : {}),
      ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
      reason,
    })
    await book(ctx, tx, holder, { actor: `user:${actor.userId}`, why: 'the key was rotated' })
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
  return onKey(ctx, actor, async (tx, { member, key }): Promise<DeleteOutcome> => {
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

/** Why a key takes no change now; null when it does. */
export function whyNotChangeable(
  member: OpenMember,
  key: SubKeyRow,
  now: Date,
): 'not-live' | 'not-active' | null {
  if (member.state !== 'active') return 'not-active'
  if (key.state !== 'ready' || key.expiresAt <= now) return 'not-live'
  return null
}

/**
 * Setting up a tool in one line: a terminal asks, a person approves with the code that it shows, and
 * the terminal gets the key. Guarantee: a code gives one key to one terminal, once; its row, locked,
 * decides. Rights are checked at both ends, and both codes are stored as hashes.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { cut, visible } from '~/text'
import { recordAudit, type AuditAction } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { keyPlace } from '../keys/mint-attempt.server'
import { findSealed } from './reveal.server'
import { newCode, readCode, shownCode } from './setup-code'
import { isSetupTool, maxMachine, setupMinutes, type SetupTool } from './setup-tools'

/** Why a key is not given: of the deployment, the person, or the key. */
export type SetupObstacle = 'paused' | 'banned' | 'no-key' | 'not-ready' | 'ended' | 'disabled'
/** Why a code does not count, or no longer. */
export type SetupOver = 'unknown' | 'expired' | 'used' | 'refused'
/** What was typed has not the form of a code. */
type NoCode = { kind: 'no-code' }

export type SetupAsked = { tool: SetupTool; machine: string; askedAt: string }
export type SetupKey = { claimId: string; workshopSlug: string; label: string | null }

type SetupCtx = Pick<Ctx, 'db' | 'fingerprints' | 'settings' | 'now'>

type Row = {
  id: string
  tool: string
  machine: string
  state: 'waiting' | 'approved' | 'refused' | 'handed-over'
  reason: string | null
  userId: string | null
  claimId: string | null
  createdAt: Date
  expired: boolean
}

const codeMark = (code: string) => `setup-code:${code}`
const deviceHashOf = (device: string) => createHash('sha256').update(device).digest('hex')

/** A terminal asks. The device code stays in its memory; the short one is for the person. */
export async function startSetup(
  ctx: SetupCtx,
  asked: { tool: SetupTool; machine: string },
): Promise<
  | { kind: 'started'; device: string; code: string; seconds: number }
  | { kind: 'refused'; reason: 'paused' }
> {
  if (!ctx.settings.provisioningEnabled) return { kind: 'refused', reason: 'paused' }
  await forgetSetups(ctx, { olderThanMinutes: 60, most: 20 })
  const device = randomBytes(32).toString('base64url')
  for (;;) {
    const code = newCode()
    const made = await ctx.db.$executeRaw`
      insert into keymint.setup_codes (code_hash, device_hash, tool, machine, created_at, expires_at)
      values (${ctx.fingerprints.of(codeMark(code))}, ${deviceHashOf(device)}, ${asked.tool},
        ${machineName(asked.machine)}, keymint.now(), keymint.now() + make_interval(mins => ${setupMinutes}::int))
      on conflict do nothing`
    if (made === 1)
      return { kind: 'started', device, code: shownCode(code), seconds: setupMinutes * 60 }
  }
}

/** One line that cannot turn what stands after it round. */
const machineName = (text: string): string =>
  cut(visible(text).replace(/\s+/g, ' '), maxMachine) || 'a computer without a name'

/** What asks with this code. The first time that a person types it is audited. */
export async function findSetup(
  ctx: SetupCtx,
  { code, userId }: { code: string; userId: string },
): Promise<{ kind: 'waiting'; asked: SetupAsked } | { kind: SetupOver } | NoCode> {
  if (readCode(code) === null) return { kind: 'no-code' }
  return ctx.db.$transaction(async (tx) => {
    const row = await lockByCode(ctx, tx, code)
    const over = overOf(row)
    if (over !== null || !row) return { kind: over ?? 'unknown' }
    await noteTyped(tx, row, userId)
    return { kind: 'waiting', asked: askedOf(row) }
  })
}

/**
 * Binds the code to this claim of the person. Approving twice for the same claim is one approval, so
 * that a double click says so.
 */
export async function approveSetup(
  ctx: SetupCtx,
  { code, claimId, userId }: { code: string; claimId: string; userId: string },
): Promise<{ kind: 'approved' } | { kind: SetupOver | SetupObstacle }> {
  return ctx.db.$transaction(async (tx) => {
    const row = await lockByCode(ctx, tx, code)
    if (
      row?.state === 'approved' &&
      !row.expired &&
      row.claimId === claimId &&
      row.userId === userId
    )
      return { kind: 'approved' }
    const over = overOf(row)
    if (over !== null || !row) return { kind: over ?? 'unknown' }
    const claim = await lockClaim(ctx, tx, { claimId, userId })
    if (claim.obstacle !== null) return { kind: claim.obstacle }
    await noteTyped(tx, row, userId)
    await tx.$executeRaw`
      update keymint.setup_codes set state = 'approved', claim_id = ${claimId}::uuid, user_id = ${userId},
        decided_at = keymint.now() where id = ${row.id}::uuid`
    await record(tx, 'setup.approved', row, { userId, claimId, workshopSlug: claim.workshopSlug })
    return { kind: 'approved' }
  })
}

/** The person does not know the computer that asks. */
export async function refuseSetup(
  ctx: SetupCtx,
  { code, userId }: { code: string; userId: string },
): Promise<{ kind: 'refused-now' } | { kind: SetupOver }> {
  return ctx.db.$transaction(async (tx) => {
    const row = await lockByCode(ctx, tx, code)
    const over = overOf(row)
    if (over !== null || !row) return { kind: over ?? 'unknown' }
    await noteTyped(tx, row, userId)
    await refuse(tx, row, 'refused', { userId, claimId: null, workshopSlug: null })
    return { kind: 'refused-now' }
  })
}

export type TakenKey =
  | { kind: 'waiting' }
  | { kind: 'over'; reason: SetupOver | SetupObstacle }
  | { kind: 'key'; key: string; models: string[] }

/**
 * What the terminal asks until it has the key. Given once: the row is handed over in the transaction
 * that opens the key, and whoever comes second finds it used.
 */
export async function takeSetupKey(ctx: Ctx, device: string): Promise<TakenKey> {
  const deviceHash = deviceHashOf(device)
  const [seen] = await ctx.db.$queryRaw<Pick<Row, 'state' | 'expired'>[]>`
    select state, expires_at <= keymint.now() as expired from keymint.setup_codes
    where device_hash = ${deviceHash}`
  // Nearly every poll ends here, without a lock.
  if (seen?.state === 'waiting' && !seen.expired) return { kind: 'waiting' }
  return ctx.db.$transaction(async (tx): Promise<TakenKey> => {
    const [row] = await tx.$queryRaw<Row[]>`
      select id, tool, machine, state, reason, user_id as "userId", claim_id as "claimId",
        created_at as "createdAt", expires_at <= keymint.now() as expired
      from keymint.setup_codes where device_hash = ${deviceHash} for update`
    if (!row) return { kind: 'over', reason: 'unknown' }
    if (row.state === 'refused') return { kind: 'over', reason: asReason(row.reason) }
    if (row.state === 'handed-over') return { kind: 'over', reason: 'used' }
    if (row.expired) return { kind: 'over', reason: 'expired' }
    if (row.state === 'waiting' || row.claimId === null || row.userId === null)
      return { kind: 'waiting' }
    const owner = { claimId: row.claimId, userId: row.userId }
    const claim = await lockClaim(ctx, tx, owner)
    if (claim.obstacle === 'not-ready') return { kind: 'waiting' }
    const sealed =
      claim.obstacle === null
        ? await findSealed(ctx, tx, { workshopSlug: claim.workshopSlug, userId: row.userId })
        : null
    if (sealed && !sealed.revealable) return { kind: 'waiting' }
    if (!sealed) {
      const reason = claim.obstacle ?? 'ended'
      await refuse(tx, row, reason, { ...owner, workshopSlug: claim.workshopSlug })
      return { kind: 'over', reason }
    }
    await tx.$executeRaw`
      update keymint.setup_codes set state = 'handed-over', handed_at = keymint.now()
        where id = ${row.id}::uuid`
    await tx.$executeRaw`
      update keymint.workshop_attendance set revealed_at = coalesce(revealed_at, now())
        where claim_id = ${row.claimId}::uuid`
    await record(tx, 'setup.handed-over', row, { ...owner, workshopSlug: claim.workshopSlug })
    return {
      kind: 'key',
      key: ctx.sealer.unseal(sealed.sealed, keyPlace(sealed.keyId, sealed.generation)),
      models: sealed.allowedModels,
    }
  })
}

/** The keys that a person can choose from, newest first. */
export async function listSetupKeys(
  ctx: Pick<Ctx, 'db' | 'now'>,
  userId: string,
): Promise<SetupKey[]> {
  return ctx.db.$queryRaw<SetupKey[]>`
    select c.claim_id as "claimId", c.workshop_slug as "workshopSlug", c.key_label as label
    from keymint.workshop_attendance c
    where c.user_id = ${userId} and ${liveClaim(ctx.now())} order by c.attended_at desc`
}

/** Deletes codes that ended so long ago. `most` bounds the work of one call. */
export async function forgetSetups(
  ctx: Pick<Ctx, 'db'>,
  { olderThanMinutes, most }: { olderThanMinutes: number; most: number },
): Promise<number> {
  return ctx.db.$executeRaw`
    delete from keymint.setup_codes where id in (select id from keymint.setup_codes
      where expires_at < keymint.now() - make_interval(mins => ${olderThanMinutes}::int)
      order by expires_at limit ${most}::int for update skip locked)`
}

async function lockByCode(ctx: SetupCtx, tx: Tx, typed: string): Promise<Row | null> {
  const code = readCode(typed)
  if (code === null) return null
  const rows = await tx.$queryRaw<Row[]>`
    select id, tool, machine, state, reason, user_id as "userId", claim_id as "claimId",
      created_at as "createdAt", expires_at <= keymint.now() as expired
    from keymint.setup_codes where code_hash = any(${ctx.fingerprints.allOf(codeMark(code))}) for update`
  return rows[0] ?? null
}

/** Null while the code waits for a decision. */
function overOf(row: Row | null): SetupOver | null {
  if (!row) return 'unknown'
  if (row.state === 'refused') return 'refused'
  if (row.state !== 'waiting') return 'used'
  return row.expired ? 'expired' : null
}

/** The claim, locked after the code's row, and what keeps its key from being given. */
async function lockClaim(
  ctx: SetupCtx,
  tx: Tx,
  { claimId, userId }: { claimId: string; userId: string },
): Promise<{ workshopSlug: string; obstacle: SetupObstacle | null }> {
  const [claim] = await tx.$queryRaw<
    {
      workshopSlug: string
      state: 'pending' | 'ready' | 'ended' | 'refused'
      expired: boolean
      disabled: boolean
      banned: boolean
    }[]
  >`
    select c.workshop_slug as "workshopSlug", c.state, c.expires_at <= ${ctx.now()} as expired,
      c.disabled_at is not null or c.upstream_disabled or c.upstream_missing_at is not null as disabled,
      a.banned_at is not null as banned
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where c.claim_id = ${claimId}::uuid and c.user_id = ${userId} for update of c`
  const found = (obstacle: SetupObstacle | null) => ({
    workshopSlug: claim?.workshopSlug ?? '',
    obstacle,
  })
  if (!ctx.settings.provisioningEnabled) return found('paused')
  if (!claim) return found('no-key')
  if (claim.banned) return found('banned')
  if (claim.state === 'pending') return found('not-ready')
  if (claim.state !== 'ready' || claim.expired) return found('ended')
  return found(claim.disabled ? 'disabled' : null)
}

type About = { userId: string; claimId: string | null; workshopSlug: string | null }

async function refuse(
  tx: Tx,
  row: Row,
  reason: SetupObstacle | 'refused',
  about: About,
): Promise<void> {
  await tx.$executeRaw`
    update keymint.setup_codes set state = 'refused', reason = ${reason},
      user_id = coalesce(user_id, ${about.userId}), decided_at = coalesce(decided_at, keymint.now())
    where id = ${row.id}::uuid`
  await record(tx, 'setup.refused', row, about, { reason })
}

/** One event for each person who types the code, however often. */
async function noteTyped(tx: Tx, row: Row, userId: string): Promise<void> {
  if (row.userId === userId) return
  await tx.$executeRaw`
    update keymint.setup_codes set user_id = ${userId} where id = ${row.id}::uuid`
  await record(tx, 'setup.asked', row, { userId, claimId: null, workshopSlug: null })
}

/** The computer's name may be a person's: it stays out of the trail, which nothing erases. */
const record = (
  tx: Tx,
  action: Extract<AuditAction, `setup.${string}`>,
  row: Row,
  { userId, claimId, workshopSlug }: About,
  details: { reason?: string } = {},
) =>
  recordAudit(tx, {
    actor: `user:${userId}`,
    action,
    subject: claimId === null ? `user:${userId}` : `claim:${claimId}`,
    ...(workshopSlug ? { scope: workshopSlug } : {}),
    details: { tool: row.tool, setup: row.id, ...details },
  })

function askedOf(row: Row): SetupAsked {
  const tool = row.tool
  if (!isSetupTool(tool)) throw new Error(`there is no setup of ${tool}`)
  return { tool, machine: row.machine, askedAt: row.createdAt.toISOString() }
}

const reasons: readonly string[] = ['paused', 'banned', 'no-key', 'not-ready', 'ended', 'disabled']
const asReason = (text: string | null) =>
  text !== null && reasons.includes(text) ? (text as SetupObstacle) : 'refused'

/**
 * The vault: a team's master credentials. Guarantee: a credential is verified at its service before
 * it is stored, stored sealed to its row and generation, and never shown again to anybody; every
 * change is audited in its own transaction. Who may call these is the caller's to decide: the
 * domain takes the team and the person as given.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceAdapter, ServiceCredential } from '~/adapters/service-adapter'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { asDelayReason, type DelayReason } from '../keys/mint-policy'
import { masterKeyPlace, openAccount } from '../keys/accounts.server'

/** `scope` is the team's in the audit trail. */
type Team = { teamId: string; scope: string; userId: string }
export type DepositInput = Team & { service: string; secret: string; baseUrl: string | null }
export type VaultRefusal = { kind: 'refused'; words: string }

export type MasterKeyView = {
  id: string
  service: string
  title: string
  /** A mask of the credential. */
  label: string
  baseUrl: string | null
  state: 'active' | 'disabled'
  verifiedAt: Date
  createdAt: Date
  createdBy: string
  replacedAt: Date | null
  disabledAt: Date | null
  /** Keys made with it that still exist upstream, as far as we know. */
  keys: number
  /** Why no key is made with it just now. */
  failure: { reason: DelayReason; retryInSeconds: number } | null
}

/** Verifies, then seals and stores. A refusal has words for the owner, and nothing was stored. */
export async function depositKey(
  ctx: Ctx,
  input: DepositInput,
): Promise<{ kind: 'deposited'; masterKeyId: string } | VaultRefusal> {
  const checked = await check(ctx, input)
  if (checked.kind === 'refused') return checked
  const { adapter, credential, label } = checked
  const id = randomUUID()
  const sealed = ctx.sealer.sealForVault(credential.secret, masterKeyPlace(id, 1))
  await ctx.db.$transaction(async (tx) => {
    await tx.masterKey.create({
      data: {
        id,
        teamId: input.teamId,
        service: adapter.service,
        label,
        baseUrl: credential.baseUrl,
        sealed,
        verifiedAt: ctx.now(),
        createdBy: input.userId,
      },
    })
    await audit(tx, input, 'vault.deposited', {
      id,
      service: adapter.service,
      label,
      baseUrl: credential.baseUrl,
    })
  })
  return { kind: 'deposited', masterKeyId: id }
}

export type ReplaceInput = Team & { masterKeyId: string; secret: string; baseUrl: string | null }

/**
 * Puts a new credential in place of one, for the same account: keys that were made with the old one
 * must still be there for the new one, or nobody could read, cap or delete them any more. `null`
 * when the team has no such credential.
 */
export async function replaceKey(
  ctx: Ctx,
  input: ReplaceInput,
): Promise<{ kind: 'replaced' } | VaultRefusal | null> {
  const row = await ctx.db.masterKey.findFirst({
    where: { id: input.masterKeyId, teamId: input.teamId },
  })
  if (!row) return null
  const checked = await check(ctx, { ...input, service: row.service })
  if (checked.kind === 'refused') return checked
  const { adapter, credential, label } = checked
  const stranger = await isOtherAccount(ctx, row.id, adapter, credential)
  if (stranger)
    return {
      kind: 'refused',
      words: `This credential belongs to another account: it does not know a key that was made with the one it would replace. Deposit it beside the other one instead. Nothing was changed.`,
    }
  const generation = row.generation + 1
  const sealed = ctx.sealer.sealForVault(credential.secret, masterKeyPlace(row.id, generation))
  return ctx.db.$transaction(async (tx) => {
    const { count } = await tx.masterKey.updateMany({
      where: { id: row.id, teamId: input.teamId, generation: row.generation },
      data: {
        sealed,
        generation,
        label,
        baseUrl: credential.baseUrl,
        verifiedAt: ctx.now(),
        replacedAt: ctx.now(),
      },
    })
    if (count !== 1)
      return {
        kind: 'refused',
        words:
          'Somebody else replaced this credential a moment ago. Look at the page again before you do.',
      } as const
    // What waits for the old credential's trouble to pass waits for nothing any more.
    await tx.$executeRaw`
      update keymint.mints set not_before = null where account = ${row.id}::uuid and state = 'pending'`
    await tx.$executeRaw`
      update keymint.accounts set cooldown_until = null, failures = 0, reason = null, probe_at = null
        where id = ${row.id}::uuid`
    await audit(tx, input, 'vault.replaced', {
      id: row.id,
      service: row.service,
      label,
      baseUrl: credential.baseUrl,
      generation,
    })
    return { kind: 'replaced' } as const
  })
}

export type SwitchInput = Team & { masterKeyId: string; reason?: string }

/**
 * No new key is made with it and no cap raised; keys that exist keep working, and can be read,
 * lowered and deleted. False when it was so already, or is not the team's.
 */
export function disableKey(ctx: Ctx, input: SwitchInput): Promise<boolean> {
  return switchTo(ctx, input, 'disabled')
}

export function enableKey(ctx: Ctx, input: SwitchInput): Promise<boolean> {
  return switchTo(ctx, input, 'active')
}

/**
 * Asks the service again whether it still takes the credential. Null when the team has no such
 * credential.
 */
export async function verifyKey(
  ctx: Ctx,
  input: { teamId: string; masterKeyId: string },
): Promise<{ ok: true } | { ok: false; words: string } | null> {
  const row = await ctx.db.masterKey.findFirst({
    where: { id: input.masterKeyId, teamId: input.teamId },
    select: { generation: true },
  })
  if (!row) return null
  const account = await openAccount(ctx, input.masterKeyId)
  if (!account) return null
  const { adapter, credential } = account
  const verdict = await adapter.verifyCredential(credential)
  if (!verdict.ok) return verdict
  await ctx.db.masterKey.updateMany({
    where: { id: input.masterKeyId, generation: row.generation },
    data: { verifiedAt: ctx.now() },
  })
  return { ok: true }
}

/** The team's credentials, oldest first, masked. */
export async function listMasterKeys(ctx: Ctx, teamId: string): Promise<MasterKeyView[]> {
  type Row = Omit<MasterKeyView, 'title' | 'trouble'> & {
    reason: string | null
    retryInSeconds: number | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select k.id, k.service, k.label, k.base_url as "baseUrl", k.state, k.verified_at as "verifiedAt",
      k.created_at as "createdAt", p.display_name as "createdBy",
      k.replaced_at as "replacedAt", k.disabled_at as "disabledAt", gate.reason,
      case when gate.cooldown_until is not null then greatest(0,
        ceil(extract(epoch from gate.cooldown_until - now())))::int end as "retryInSeconds",
      (select count(*) from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
        where m.account = k.id and a.state = 'saved' and a.deleted_at is null)::int as keys
    from keymint.master_keys k join keymint.attendees p on p.user_id = k.created_by left
      join keymint.accounts gate on gate.id = k.id
    where k.team_id = ${teamId}::uuid order by k.created_at, k.id`
  return rows.map(({ reason, retryInSeconds, ...row }) => ({
    ...row,
    title: ctx.services.get(row.service)?.title ?? row.service,
    failure: retryInSeconds === null ? null : { reason: asDelayReason(reason), retryInSeconds },
  }))
}

async function check(
  ctx: Ctx,
  input: { service: string; secret: string; baseUrl: string | null },
): Promise<
  | { kind: 'good'; adapter: ServiceAdapter; credential: ServiceCredential; label: string }
  | VaultRefusal
> {
  const refused = (words: string): VaultRefusal => ({ kind: 'refused', words })
  const adapter = ctx.services.get(input.service)
  if (!adapter) return refused('There is no such service here.')
  const secret = input.secret.trim()
  if (secret === '') return refused('Paste the credential.')
  if (!/^[\x21-\x7e]{6,512}$/.test(secret))
    return refused(
      'This does not look like a credential: it has spaces, line breaks or odd characters in it, or is too long or too short.',
    )
  const baseUrl = input.baseUrl?.trim().replace(/\/+$/, '') || null
  if (!adapter.capabilities.ownAddress && baseUrl !== null)
    return refused(`${adapter.title} needs no address.`)
  const credential = { secret, baseUrl }
  const verdict = await adapter.verifyCredential(credential)
  return verdict.ok
    ? { kind: 'good', adapter, credential, label: verdict.label }
    : refused(verdict.words)
}

/** How many of the newest keys are compared before two credentials count as one account's. */
const keysCompared = 5

/**
 * True when the old credential still sees a key that the new one does not. An old one that is dead
 * proves nothing.
 */
async function isOtherAccount(
  ctx: Ctx,
  masterKeyId: string,
  adapter: ServiceAdapter,
  credential: ServiceCredential,
): Promise<boolean> {
  const newest = await ctx.db.$queryRaw<{ id: string }[]>`
    select a.key_hash as id from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where m.account = ${masterKeyId}::uuid and a.state = 'saved' and a.deleted_at is null
      order by a.settled_at desc limit ${keysCompared}::int`
  if (newest.length === 0) return false
  const old = await openAccount(ctx, masterKeyId)
  if (!old) return false
  try {
    for (const { id } of newest)
      if (
        (await old.adapter.findKey(old.credential, id)) !== null &&
        (await adapter.findKey(credential, id)) === null
      )
        return true
  } catch (error) {
    if (!isProviderError(error)) throw error
  }
  return false
}

async function switchTo(
  ctx: Ctx,
  input: SwitchInput,
  state: 'active' | 'disabled',
): Promise<boolean> {
  const { teamId, masterKeyId, reason } = input
  return ctx.db.$transaction(async (tx) => {
    const { count } = await tx.masterKey.updateMany({
      where: { id: masterKeyId, teamId, state: state === 'active' ? 'disabled' : 'active' },
      data: { state, disabledAt: state === 'disabled' ? ctx.now() : null },
    })
    if (count === 1)
      await audit(tx, input, state === 'disabled' ? 'vault.disabled' : 'vault.enabled', {
        id: masterKeyId,
        ...(reason ? { reason } : {}),
      })
    return count === 1
  })
}

function audit(
  tx: Tx,
  { userId, scope }: Team,
  action: string,
  { id, ...details }: { id: string; [name: string]: string | number | null },
): Promise<void> {
  return recordAudit(tx, {
    actor: `user:${userId}`,
    action,
    subject: `master-key:${id}`,
    workshopSlug: scope,
    details,
  })
}

/**
 * The vault: a team's master credentials. Guarantee: a credential is verified at its service before
 * it is stored, stored sealed to its row and generation, and never shown again to anybody; every
 * change is audited in its own transaction. The caller decides who may call: the team and the
 * person are taken as given.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditAction } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { errorSentence } from '../error-text'
import type { JobError } from '../job-outcome'
import { requireActiveOwner, requireOpenTeam } from '../money/member-lock.server'
import { moneyViewOfDecimal, type MoneyView } from '../money-view'
import { asDelayReason, type DelayReason } from '../keys/mint-policy'
import { masterKeyPlace, openParkedAccount, parkedFrom, type Parked } from '../keys/accounts.server'
import { checkCredential, type Entered, type VaultRefusal } from './check-credential.server'
import { isOtherAccount } from './other-account.server'

/** `scope` is the team's in the audit trail. */
type Team = { teamId: string; scope: string; userId: string }
export type DepositInput = Team & Entered & { service: string }

export type MasterKeyView = {
  id: string
  service: string
  title: string
  /** A mask of the credential. */
  label: string
  baseUrl: string | null
  settings: Record<string, string>
  state: 'active' | 'disabled'
  verifiedAt: string
  createdAt: string
  createdBy: string
  replacedAt: string | null
  disabledAt: string | null
  /** When its secret was destroyed, because the team is closed. */
  destroyedAt: string | null
  /** Keys made with it that still exist upstream, as far as we know. */
  keys: number
  /** Why no key can be made with it at present. */
  failure: { reason: DelayReason; retryInSeconds: number; since: string } | null
  /** Why its keys cannot be read at present, as a sentence. */
  unread: { since: string; message: string } | null
  /** Set when Keymint does nothing with it until an owner opens it. */
  parked: Parked | null
  /** What is left on the provider account; null where the service tells none. */
  balance: Balance | null
}

type Balance = {
  /** The last one that was told; null before the first. */
  told: { left: MoneyView; at: string } | null
  /** Since when the provider does not tell it. */
  failedSince: string | null
}

/**
 * Verifies the credential at its service, then seals and stores it. Nothing is stored when it is
 * refused. Throws only when the database fails.
 */
export async function depositKey(
  ctx: Ctx,
  input: DepositInput,
): Promise<{ kind: 'deposited'; masterKeyId: string } | VaultRefusal> {
  const checked = await checkCredential(ctx, input)
  if (checked.kind === 'refused') return checked
  const { adapter, credential, label } = checked
  const id = randomUUID()
  const sealed = ctx.sealer.sealForVault(
    credential.secret,
    masterKeyPlace({
      id,
      generation: 1,
      teamId: input.teamId,
      service: adapter.service,
      baseUrl: credential.baseUrl,
      settings: credential.settings,
    }),
  )
  await ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, input.teamId, input.userId)
    await requireOpenTeam(tx, input.teamId)
    await tx.masterKey.create({
      data: {
        id,
        teamId: input.teamId,
        service: adapter.service,
        label,
        baseUrl: credential.baseUrl,
        settings: { ...credential.settings },
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

export type ReplaceInput = Team & Entered & { masterKeyId: string }

/**
 * Replaces a credential by another of the same provider account: the new one must see the keys made
 * with the old one, or nobody could read, cap or delete them. Null when the team has no such
 * credential.
 */
export async function replaceKey(
  ctx: Ctx,
  input: ReplaceInput,
): Promise<{ kind: 'replaced' } | VaultRefusal | null> {
  const row = await ctx.db.masterKey.findFirst({
    where: { id: input.masterKeyId, teamId: input.teamId, destroyedAt: null },
  })
  if (!row) return null
  const checked = await checkCredential(ctx, { ...input, service: row.service })
  if (checked.kind === 'refused') return checked
  const { adapter, credential, label } = checked
  if (await isOtherAccount(ctx, row.id, adapter, credential))
    return { kind: 'refused', reason: 'other-account' }
  const generation = row.generation + 1
  const { id, teamId, service } = row
  const sealed = ctx.sealer.sealForVault(
    credential.secret,
    masterKeyPlace({
      id,
      generation,
      teamId,
      service,
      baseUrl: credential.baseUrl,
      settings: credential.settings,
    }),
  )
  return ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, input.teamId, input.userId)
    const { count } = await tx.masterKey.updateMany({
      where: {
        id: row.id,
        teamId: input.teamId,
        generation: row.generation,
        service: row.service,
        destroyedAt: null,
      },
      data: {
        sealed,
        generation,
        label,
        baseUrl: credential.baseUrl,
        settings: { ...credential.settings },
        verifiedAt: ctx.now(),
        replacedAt: ctx.now(),
      },
    })
    if (count !== 1) return { kind: 'refused', reason: 'replaced-meanwhile' } as const
    // Mints that wait because the old credential failed can run now.
    await tx.$executeRaw`
      update keymint.mints set not_before = null where account = ${row.id}::uuid and state = 'pending'`
    await tx.$executeRaw`
      update keymint.accounts set cooldown_until = null, failures = 0, reason = null, probe_at = null,
        confirmed_at = null,
        parked_at = case when parked_reason = 'seal-broken' then null else parked_at end,
        parked_reason = case when parked_reason = 'seal-broken' then null else parked_reason end
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
 * Disables a credential: no new key is made with it and no cap is raised; existing keys keep
 * working and can be read, lowered and deleted. False when it was disabled already or is not the
 * team's.
 */
export function disableKey(ctx: Ctx, input: SwitchInput): Promise<boolean> {
  return switchTo(ctx, input, 'disabled')
}

/** Enables a disabled credential. False when it was enabled already or is not the team's. */
export function enableKey(ctx: Ctx, input: SwitchInput): Promise<boolean> {
  return switchTo(ctx, input, 'active')
}

/** Opens a parked credential again; false when it was not parked. Throws NotAllowed unless the
 * person is an active owner. */
export async function openKey(
  ctx: Ctx,
  input: Team & { masterKeyId: string; reason: string },
): Promise<boolean> {
  const row = await ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, input.teamId, input.userId)
    return tx.masterKey.findFirst({
      where: { id: input.masterKeyId, teamId: input.teamId },
      select: { id: true },
    })
  })
  if (!row) return false
  return openParkedAccount(ctx, {
    account: row.id,
    actor: `user:${input.userId}`,
    reason: input.reason,
    scope: input.scope,
  })
}

/** Whether the credential is the team's and not deleted. */
export async function holdsCredential(
  ctx: Pick<Ctx, 'db'>,
  teamId: string,
  masterKeyId: string,
): Promise<boolean> {
  return (
    (await ctx.db.masterKey.count({ where: { id: masterKeyId, teamId, destroyedAt: null } })) > 0
  )
}

/** The team's credentials, oldest first, masked. `ofKey`: only the one that made this key. */
export async function listMasterKeys(
  ctx: Ctx,
  teamId: string,
  ofKey: string | null = null,
): Promise<MasterKeyView[]> {
  type Times = 'verifiedAt' | 'createdAt'
  type MaybeTimes = 'replacedAt' | 'disabledAt' | 'destroyedAt'
  type Row = Omit<
    MasterKeyView,
    'title' | 'failure' | 'unread' | 'parked' | 'balance' | Times | MaybeTimes
  > & {
    [Name in Times]: Date
  } & { [Name in MaybeTimes]: Date | null } & {
    reason: string | null
    retryInSeconds: number | null
    closedSince: Date | null
    readError: JobError | null
    readFailedAt: Date | null
    parkedAt: Date | null
    parkedReason: string | null
    balanceUsd: string | null
    balanceAt: Date | null
    balanceFailedAt: Date | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select k.id, k.service, k.label, k.base_url as "baseUrl", k.settings, k.state, k.verified_at as "verifiedAt",
      k.created_at as "createdAt", p.display_name as "createdBy",
      k.replaced_at as "replacedAt", k.disabled_at as "disabledAt", k.destroyed_at as "destroyedAt",
      gate.reason, gate.closed_since as "closedSince", gate.read_error as "readError",
      gate.read_failed_at as "readFailedAt",
      gate.parked_at as "parkedAt", gate.parked_reason as "parkedReason", f.balance_usd::text as "balanceUsd",
      f.balance_read_at as "balanceAt", f.failed_at as "balanceFailedAt",
      case when gate.cooldown_until is not null then greatest(0,
        ceil(extract(epoch from gate.cooldown_until - now())))::int end as "retryInSeconds",
      (select count(*) from keymint.keys e where e.account = k.id and e.saved_at is not null
        and e.deleted_at is null)::int as keys
    from keymint.master_keys k join keymint.attendees p on p.user_id = k.created_by left
      join keymint.accounts gate on gate.id = k.id
      left join keymint.account_facts f on f.account = k.id
    where k.team_id = ${teamId}::uuid and (${ofKey}::uuid is null
      or k.id = (select s.master_key_id from keymint.api_keys s where s.id = ${ofKey}::uuid))
    order by k.created_at, k.id`
  return rows.map(({ reason, retryInSeconds, closedSince, readError, readFailedAt, ...given }) => {
    const { parkedAt, parkedReason, balanceUsd, balanceAt, balanceFailedAt, ...row } = given
    return {
      ...row,
      verifiedAt: row.verifiedAt.toISOString(),
      createdAt: row.createdAt.toISOString(),
      replacedAt: row.replacedAt?.toISOString() ?? null,
      disabledAt: row.disabledAt?.toISOString() ?? null,
      destroyedAt: row.destroyedAt?.toISOString() ?? null,
      title: ctx.services.get(row.service)?.title ?? row.service,
      parked: parkedFrom(parkedAt, parkedReason),
      balance: ctx.services.get(row.service)?.readBalance
        ? {
            told:
              balanceUsd === null || balanceAt === null
                ? null
                : { left: moneyViewOfDecimal(balanceUsd), at: balanceAt.toISOString() },
            failedSince: balanceFailedAt?.toISOString() ?? null,
          }
        : null,
      failure:
        retryInSeconds === null || closedSince === null
          ? null
          : { reason: asDelayReason(reason), retryInSeconds, since: closedSince.toISOString() },
      unread:
        readError === null || readFailedAt === null
          ? null
          : { since: readFailedAt.toISOString(), message: errorSentence(readError) },
    }
  })
}

async function switchTo(
  ctx: Ctx,
  input: SwitchInput,
  state: 'active' | 'disabled',
): Promise<boolean> {
  const { teamId, masterKeyId, reason } = input
  return ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, teamId, input.userId)
    if (state === 'active') await requireOpenTeam(tx, teamId)
    const { count } = await tx.masterKey.updateMany({
      where: {
        id: masterKeyId,
        teamId,
        destroyedAt: null,
        state: state === 'active' ? 'disabled' : 'active',
      },
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
  action: AuditAction,
  { id, ...details }: { id: string; [name: string]: string | number | null },
): Promise<void> {
  return recordAudit(tx, {
    actor: `user:${userId}`,
    action,
    subject: `master-key:${id}`,
    scope,
    details,
  })
}

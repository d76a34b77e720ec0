/**
 * The accounts that make keys: the deployment's own at OpenRouter is one among those that teams
 * deposit. Each has a gate of its own in front of the calls that create or raise: open, closed until
 * a time, then half open for one probe. A pause stops those calls everywhere; a parked account runs
 * no job at all until a person opens it.
 */
import type { Db, Tx } from '~/adapters/db.server'
import type { ServiceAdapter, ServiceCredential } from '~/adapters/service-adapter'
import type { Sealer } from '~/adapters/sealing.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { JobError } from '../job-outcome'
import type { KeyPlace } from './attempts.server'
import { timed } from './turns.server'
import { cooldownSeconds, failuresThatCloseTheGate, type DelayReason } from './mint-policy'

/** The deployment's own account: the row that every database begins with. */
export const deploymentAccount = '00000000-0000-4000-8000-000000000000'

export type OpenAccount = {
  id: string
  service: string
  teamId: string | null
  /** A disabled credential makes and raises nothing; what exists is read, lowered and deleted. */
  state: 'active' | 'disabled'
  adapter: ServiceAdapter
  credential: ServiceCredential
  /** This credential has confirmed keys of ours before: its 404 counts. */
  confirmed: boolean
}

export type SealedCredential = {
  id: string
  generation: number
  teamId: string
  service: string
  baseUrl: string | null
  /** What its service asks for beside it, by name. */
  settings: Readonly<Record<string, string>>
}

/**
 * The place that a master credential is sealed to, with everything that decides where it is sent: in
 * a row whose service, address or settings were changed it does not open.
 */
export const masterKeyPlace = (credential: SealedCredential) => ({
  table: 'master_keys',
  row: credential.id,
  generation: credential.generation,
  bound: {
    team: credential.teamId,
    service: credential.service,
    baseUrl: credential.baseUrl,
    ...Object.fromEntries(
      Object.entries(credential.settings).map(([name, value]) => [`settings.${name}`, value]),
    ),
  },
})

/**
 * Opens a sealed credential. One that was sealed to its row alone, as it was before, opens there and
 * is `outdated`: whoever opens it seals it anew. Throws UnsealError for a row that was changed.
 */
export function openSealedCredential(
  sealer: Sealer,
  row: SealedCredential & { sealed: string },
): { secret: string; outdated: boolean } {
  const place = masterKeyPlace(row)
  const outdated = row.sealed.startsWith('v2.')
  const { bound, ...before } = place
  return { secret: sealer.unseal(row.sealed, outdated ? before : { ...before, bound }), outdated }
}

/** The credential in hand, for one piece of work. Null when the account or its adapter is gone. */
export async function openAccount(ctx: Ctx, id: string): Promise<OpenAccount | null> {
  const [row] = await ctx.db.$queryRaw<
    {
      service: string
      confirmed: boolean
      teamId: string | null
      baseUrl: string | null
      settings: Record<string, string> | null
      sealed: string | null
      generation: number | null
      state: string | null
    }[]
  >`
    select coalesce(m.service, a.service) as service, a.confirmed_at is not null as confirmed,
      m.team_id as "teamId", m.base_url as "baseUrl", m.settings,
      m.sealed, m.generation, m.state
    from keymint.accounts a left join keymint.master_keys m on m.id = a.master_key_id where a.id = ${id}::uuid`
  const adapter = row && ctx.services.get(row.service)
  if (!row || !adapter) return null
  const common = {
    id,
    service: row.service,
    teamId: row.teamId,
    adapter: timed(ctx, id, adapter),
    confirmed: row.confirmed,
  }
  if (row.sealed === null)
    return id === deploymentAccount
      ? { ...common, state: 'active', credential: ctx.managementCredential }
      : null
  const settings = row.settings ?? {}
  const secret = await openRow(ctx, {
    id,
    generation: row.generation ?? 1,
    teamId: row.teamId ?? '',
    service: row.service,
    baseUrl: row.baseUrl,
    settings,
    sealed: row.sealed,
  })
  return {
    ...common,
    state: row.state === 'active' ? 'active' : 'disabled',
    credential: {
      secret,
      baseUrl: row.baseUrl,
      ...(Object.keys(settings).length > 0 ? { settings } : {}),
    },
  }
}

/** A row that does not open is parked: nothing is sent until an owner has replaced its credential. */
async function openRow(ctx: Ctx, row: SealedCredential & { sealed: string }): Promise<string> {
  let opened: ReturnType<typeof openSealedCredential>
  try {
    opened = openSealedCredential(ctx.sealer, row)
  } catch (error) {
    if (isUnsealError(error))
      await ctx.db.$transaction((tx) => parkAccount(ctx, tx, row.id, 'seal-broken'))
    throw error
  }
  if (opened.outdated)
    await ctx.db.$executeRaw`
      update keymint.master_keys set sealed = ${ctx.sealer.sealForVault(opened.secret, masterKeyPlace(row))}
      where id = ${row.id}::uuid and generation = ${row.generation}::int and sealed = ${row.sealed}
        and team_id = ${row.teamId}::uuid and service = ${row.service}
        and base_url is not distinct from ${row.baseUrl}
        and settings = ${JSON.stringify(row.settings)}::jsonb`
  return opened.secret
}

/** By name, not by class: pages and processes are bundled apart. */
export const isUnsealError = (error: unknown): boolean =>
  error instanceof Error && error.name === 'UnsealError'

/** The deployment's own, for making a key: its credential stands in the environment, and nothing is read. */
export function ownAccount(ctx: Ctx): OpenAccount {
  const adapter = ctx.services.get('openrouter')
  if (!adapter) throw new Error('there is no adapter of the service openrouter')
  return {
    id: deploymentAccount,
    service: 'openrouter',
    teamId: null,
    adapter,
    confirmed: false,
    state: 'active',
    credential: ctx.managementCredential,
  }
}

/** Where keys of this account are read and deleted. */
export const placeOf = ({ adapter, credential }: OpenAccount): KeyPlace => ({
  findKey: (hash) => adapter.findKey(credential, hash),
  deleteKey: (hash) => adapter.deleteKey(credential, hash),
})

export type AccountState = { paused: boolean; parked: boolean; closed: boolean }

/** What holds calls of this account back just now. */
export async function readAccountState(db: Tx, id: string): Promise<AccountState> {
  const [row] = await db.$queryRaw<AccountState[]>`
    select g.paused_at is not null as paused, a.parked_at is not null as parked,
      a.cooldown_until is not null and a.cooldown_until > keymint.now() as closed
    from keymint.accounts a cross join keymint.minting g where a.id = ${id}::uuid`
  return row ?? { paused: false, parked: true, closed: true }
}

/**
 * The account's own answer: from now on its 404 counts as gone. A credential that has replaced another
 * one confirms the account by a key that is older than itself: a new key proves nothing of those
 * that may stand in another account. Returns whether the account is confirmed now.
 */
export async function confirmAccount(
  db: Tx,
  id: string,
  seenHashes: readonly string[],
): Promise<boolean> {
  await db.$executeRaw`
    update keymint.accounts a set confirmed_at = keymint.now()
    where a.id = ${id}::uuid and (a.confirmed_at is null or a.confirmed_at < keymint.now() - interval '1 min')
      and (a.confirmed_at is not null or not exists (
        select 1 from keymint.master_keys m join keymint.keys k on k.account = a.id
        where m.id = a.master_key_id and k.saved_at < m.replaced_at and k.deleted_at is null
          and k.missing_at is null)
        or exists (select 1 from keymint.master_keys m join keymint.keys k on k.account = a.id
          where m.id = a.master_key_id and k.saved_at < m.replaced_at
            and k.hash = any(${[...seenHashes]}::text[])))`
  const [row] = await db.$queryRaw<{ confirmed: boolean }[]>`
    select confirmed_at is not null as confirmed from keymint.accounts where id = ${id}::uuid`
  return row?.confirmed ?? false
}

/**
 * Why an account is parked: most of its keys are absent at once (the credential may be of another
 * account), it makes keys on other terms than asked, or its credential does not open in its row.
 */
export type ParkedReason = 'most-keys-absent' | 'made-other-keys' | 'seal-broken'
export type Parked = { since: string; reason: ParkedReason }

/** From the two columns of `keymint.accounts`; null for an account that is not parked. */
export function parkedFrom(at: Date | null, reason: string | null): Parked | null {
  if (!at) return null
  return {
    since: at.toISOString(),
    reason: reason === 'most-keys-absent' || reason === 'seal-broken' ? reason : 'made-other-keys',
  }
}

/** Stops all jobs of the account until a person opens it. Nothing is released meanwhile. */
export async function parkAccount(
  ctx: Ctx,
  tx: Tx,
  id: string,
  reason: ParkedReason,
): Promise<void> {
  const parked = await tx.$executeRaw`
    update keymint.accounts set parked_at = keymint.now(), parked_reason = ${reason}
    where id = ${id}::uuid and parked_at is null`
  if (parked !== 1) return
  ctx.log.error({ account: id, reason }, 'an account is parked until a person opens it')
  await recordAudit(tx, {
    actor: 'worker',
    action: 'account.parked',
    subject: `account:${id}`,
    details: { reason },
  })
}

/**
 * Opens a parked account; the sweep wakes everything that waits for it. False when it was not parked.
 * Whoever calls has asked whether the person may.
 */
export async function openParkedAccount(
  ctx: Ctx,
  input: { account: string; actor: AuditActor; reason: string; scope?: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const opened = await tx.$executeRaw`
      update keymint.accounts set parked_at = null, parked_reason = null, mismatches = 0, confirmed_at = null
      where id = ${input.account}::uuid and parked_at is not null`
    if (opened === 1)
      await recordAudit(tx, {
        actor: input.actor,
        action: 'account.opened',
        subject: `account:${input.account}`,
        ...(input.scope ? { scope: input.scope } : {}),
        details: { reason: input.reason },
      })
    return opened === 1
  })
}

/** A probe that never came back (its worker died) is forgotten after this long. */
const probeLifeSeconds = 12

/** True for the one call that may try while the gate is half open. */
export async function takeProbe(db: Db, account: string): Promise<boolean> {
  const changed = await db.$executeRaw`
    update keymint.accounts set probe_at = now()
    where id = ${account}::uuid and cooldown_until <= now()
      and (probe_at is null or probe_at < now() - make_interval(secs => ${probeLifeSeconds}::int))`
  return changed === 1
}

/**
 * A certain refusal that will pass: closes the gate for everybody behind it, and keeps the error
 * that did it. Returns the seconds to wait.
 */
export async function coolDown(
  tx: Tx,
  account: string,
  reason: DelayReason,
  retryAfterSeconds: number | undefined,
  cause: JobError = { reason },
): Promise<number> {
  // Calls that were under way together and are refused together are one failure, not a row of them.
  const [gate] = await tx.$queryRaw<{ failures: number }[]>`
    update keymint.accounts set failures = failures + case when cooldown_until > now() then 0 else 1 end,
      reason = ${reason}, cause = ${JSON.stringify(cause)}::jsonb, probe_at = null
    where id = ${account}::uuid returning failures`
  const seconds = cooldownSeconds(reason, gate?.failures ?? 1, retryAfterSeconds)
  await tx.$executeRaw`
    update keymint.accounts set cooldown_until = greatest(coalesce(cooldown_until, now()),
      now() + make_interval(secs => ${seconds}::int)) where id = ${account}::uuid`
  return seconds
}

/**
 * An outcome in doubt: closes the gate only when several come in a row and nothing was saved
 * meanwhile. A provider that loses one answer in three still works, and a workshop must not wait
 * for it one probe at a time.
 */
export async function countDoubt(
  tx: Tx,
  account: string,
  cause: JobError = { reason: 'upstream-trouble' },
): Promise<void> {
  await tx.$executeRaw`
    with judged as (
      select failures + 1 >= ${failuresThatCloseTheGate}::int and (cooldown_until is not null or not exists (
        select 1 from keymint.mints where state = 'done' and done_at > now() - interval '2 s'
          and account = ${account}::uuid)) as closes from keymint.accounts where id = ${account}::uuid)
    update keymint.accounts set failures = failures + 1, probe_at = null,
      reason = case when judged.closes then 'upstream-trouble' else reason end,
      cause = case when judged.closes then ${JSON.stringify(cause)}::jsonb else cause end,
      cooldown_until = case when judged.closes then greatest(cooldown_until, now() + make_interval(secs =>
        least(15, power(2, least(failures + 1 - ${failuresThatCloseTheGate}::int, 4)))::int))
        else cooldown_until end
    from judged where id = ${account}::uuid`
}

/**
 * The provider works. Only the answer to a probe opens a closed gate: any other call was sent
 * before the gate closed, and its good answer says nothing about the refusal that came after.
 */
export async function openGate(
  db: Db,
  account: string,
  { probing }: { probing: boolean },
): Promise<void> {
  await db.$executeRaw`
    update keymint.accounts set failures = 0, cooldown_until = null, reason = null, cause = null, probe_at = null
    where id = ${account}::uuid and (failures > 0 or cooldown_until is not null)
      and (cooldown_until is null or ${probing})`
}

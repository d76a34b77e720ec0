/**
 * The gate in front of the call that makes a key: one row that all workers share, so that the whole
 * queue cools down together. Open (no cool-down), closed until a time, then half open: one probe
 * may pass until the next answer. The deployment's own credential has `mint_gate`; each master key
 * of a team has a row of `service_gates`, so that a credential that fails stops the mints that need
 * it and no others. A pause (`mint_gate.paused_at`) stops all.
 */
import { Prisma, type Db, type Tx } from '~/adapters/db.server'
import type { JobError } from '../job-outcome'
import { failuresThatCloseTheGate, cooldownSeconds, type DelayReason } from './mint-policy'

/** A master key's id; null is the deployment's own credential. */
export type Account = string | null

/** A probe that never came back (its worker died) is forgotten after this long. */
const probeLifeSeconds = 12

const gateTable = (account: Account) =>
  account === null ? Prisma.sql`keymint.mint_gate` : Prisma.sql`keymint.service_gates`
const isGateOf = (account: Account) =>
  account === null ? Prisma.sql`true` : Prisma.sql`account = ${account}::uuid`
const isMintOf = (account: Account) =>
  account === null ? Prisma.sql`account is null` : Prisma.sql`account = ${account}::uuid`

/** True for the one mint that may try while the gate is half open. */
export async function takeProbe(db: Db, account: Account = null): Promise<boolean> {
  const changed = await db.$executeRaw`
    update ${gateTable(account)} set probe_at = now()
    where ${isGateOf(account)} and cooldown_until <= now()
      and (probe_at is null or probe_at < now() - make_interval(secs => ${probeLifeSeconds}::int))`
  return changed === 1
}

/**
 * A certain refusal that will pass: closes the gate for everybody behind it, and keeps the error
 * that did it. Returns the seconds to wait.
 */
export async function coolDown(
  tx: Tx,
  reason: DelayReason,
  retryAfterSeconds: number | undefined,
  account: Account = null,
  cause: JobError = { reason },
): Promise<number> {
  // Calls that were under way together and are refused together are one failure, not a row of them.
  const [gate] = await tx.$queryRaw<{ failures: number }[]>`
    update ${gateTable(account)} set failures = failures + case when cooldown_until > now() then 0 else 1
      end, reason = ${reason}, cause = ${JSON.stringify(cause)}::jsonb, probe_at = null
    where ${isGateOf(account)} returning failures`
  const seconds = cooldownSeconds(reason, gate?.failures ?? 1, retryAfterSeconds)
  await tx.$executeRaw`
    update ${gateTable(account)}
      set cooldown_until = greatest(coalesce(cooldown_until, now()),
      now() + make_interval(secs => ${seconds}::int)) where ${isGateOf(account)}`
  return seconds
}

/**
 * An outcome in doubt: closes the gate only when several come in a row and nothing was saved
 * meanwhile. A provider that loses one answer in three still works, and a whole room must not wait
 * for it one probe at a time.
 */
export async function countDoubt(
  tx: Tx,
  account: Account = null,
  cause: JobError = { reason: 'upstream-trouble' },
): Promise<void> {
  await tx.$executeRaw`
    with verdict as (
      select failures + 1 >= ${failuresThatCloseTheGate}::int and (cooldown_until is not null or not exists (
        select 1 from keymint.mints where state = 'done' and done_at > now() - interval '2 s'
          and ${isMintOf(account)})) as closes from ${gateTable(account)} where ${isGateOf(account)})
    update ${gateTable(account)} set failures = failures + 1, probe_at = null,
      reason = case when verdict.closes then 'upstream-trouble' else reason end,
      cause = case when verdict.closes then ${JSON.stringify(cause)}::jsonb else cause end,
      cooldown_until = case when verdict.closes
        then greatest(cooldown_until,
          now() + make_interval(secs => least(15,
          power(2, least(failures + 1 - ${failuresThatCloseTheGate}::int, 4)))::int)) else cooldown_until end
    from verdict where ${isGateOf(account)}`
}

/**
 * The provider works. Only the answer to a probe opens a closed gate: any other call was sent
 * before the gate closed, and its good answer says nothing about the refusal that came after.
 */
export async function openGate(
  db: Db,
  { probing }: { probing: boolean },
  account: Account = null,
): Promise<void> {
  await db.$executeRaw`
    update ${gateTable(account)}
      set failures = 0, cooldown_until = null, reason = null, cause = null, probe_at = null
    where ${isGateOf(account)} and (failures > 0 or cooldown_until is not null)
      and (cooldown_until is null or ${probing})`
}

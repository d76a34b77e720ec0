/**
 * The gate in front of POST /keys: one row that all workers share, so that the whole queue cools down together.
 * Open (no cool-down), closed until a time, then half open: one probe may pass until the next answer.
 */
import type { Db, Tx } from '~/adapters/db.server'
import type { JobError } from '../job-outcome'
import { failuresThatCloseTheGate, cooldownSeconds, type DelayReason } from './mint-policy'

/** A probe that never came back (its worker died) is forgotten after this long. */
const probeLifeSeconds = 12

/** True for the one mint that may try while the gate is half open. */
export async function takeProbe(db: Db): Promise<boolean> {
  const changed = await db.$executeRaw`
    update keymint.mint_gate set probe_at = now()
    where cooldown_until <= now() and (probe_at is null or probe_at < now() - make_interval(secs => ${probeLifeSeconds}::int))`
  return changed === 1
}

/** A certain refusal that will pass: closes the gate for everybody, and keeps the error that did it. Returns the seconds to wait. */
export async function coolDown(tx: Tx, reason: DelayReason, retryAfterSeconds: number | undefined, cause: JobError = { reason }): Promise<number> {
  // Calls that were under way together and are refused together are one failure, not a row of them.
  const [gate] = await tx.$queryRaw<{ failures: number }[]>`
    update keymint.mint_gate set failures = failures + case when cooldown_until > now() then 0 else 1 end, reason = ${reason}, cause = ${JSON.stringify(cause)}::jsonb, probe_at = null returning failures`
  const seconds = cooldownSeconds(reason, gate?.failures ?? 1, retryAfterSeconds)
  await tx.$executeRaw`
    update keymint.mint_gate set cooldown_until = greatest(coalesce(cooldown_until, now()), now() + make_interval(secs => ${seconds}::int))`
  return seconds
}

/**
 * An outcome in doubt: closes the gate only when several come in a row and nothing was saved meanwhile. A provider
 * that loses one answer in three still works, and a whole room must not wait for it one probe at a time.
 */
export async function countDoubt(tx: Tx, cause: JobError = { reason: 'upstream-trouble' }): Promise<void> {
  await tx.$executeRaw`
    with verdict as (
      select failures + 1 >= ${failuresThatCloseTheGate}::int and (cooldown_until is not null or not exists (
        select 1 from keymint.mints where state = 'done' and done_at > now() - interval '2 s')) as closes from keymint.mint_gate)
    update keymint.mint_gate set failures = failures + 1, probe_at = null,
      reason = case when verdict.closes then 'upstream-trouble' else reason end,
      cause = case when verdict.closes then ${JSON.stringify(cause)}::jsonb else cause end,
      cooldown_until = case when verdict.closes
        then greatest(cooldown_until, now() + make_interval(secs => least(15, power(2, least(failures + 1 - ${failuresThatCloseTheGate}::int, 4)))::int)) else cooldown_until end
    from verdict`
}

/**
 * The provider works. Only the answer to a probe opens a closed gate: any other call was sent before the gate
 * closed, and its good answer says nothing about the refusal that came after.
 */
export async function openGate(db: Db, { probing }: { probing: boolean }): Promise<void> {
  await db.$executeRaw`
    update keymint.mint_gate set failures = 0, cooldown_until = null, reason = null, cause = null, probe_at = null
    where (failures > 0 or cooldown_until is not null) and (cooldown_until is null or ${probing})`
}

/**
 * The sweep: every 15 seconds it finds again what was lost, so that no claim can be accepted and forgotten.
 * No right depends on it: whether a key has ended is computed when it is read.
 */
import { recordAudit } from '../audit/audit.server'
import { warmGuardrail } from '../bind/guardrail.server'
import type { Ctx } from '../ctx'
import { deleteCondemned } from '../mint/attempts.server'
import { windowState } from '../workshop/workshop'

export type SweepReport = { mintsSentAgain: number; bindsSentAgain: number; ended: number; condemnedDeleted: number }

export const sweepSeconds = 15
/** A room is warmed up this long before its doors open. */
const warmBeforeMs = 10 * 60_000
const mostPerSweep = 500

export async function sweep(ctx: Ctx): Promise<SweepReport> {
  const report: SweepReport = {
    ended: await endExpired(ctx),
    mintsSentAgain: await sendMintsAgain(ctx),
    bindsSentAgain: await sendBindsAgain(ctx),
    condemnedDeleted: await deleteCondemnedKeys(ctx),
  }
  await warmGuardrails(ctx)
  if (report.mintsSentAgain + report.bindsSentAgain + report.ended + report.condemnedDeleted > 0) ctx.log.info({ report }, 'the sweep found work')
  return report
}

/** Pending mints that have no job. */
async function sendMintsAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string }[]>`
    select m.id from keymint.mints m
    where m.state = 'pending' and m.queued_at < now() - interval '5 s' and not exists (
      select 1 from pgboss.job j where j.name = 'mint-key' and j.singleton_key = m.id::text and j.state in ('created', 'retry', 'active'))
    order by m.queued_at limit ${mostPerSweep}::int`
  return sendAgain(ctx, 'mint-key', lost)
}

/** Live keys that are unbound, not set aside for a person, and have no job. */
async function sendBindsAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string }[]>`
    select m.id from keymint.held_keys k
    join keymint.mints m on m.owner_kind = k.owner_kind and m.owner_id = k.owner_id and m.generation = k.generation
    where k.live and k.guardrail_attached_at is null and not k.bind_set_aside and k.expires_at > now() and k.key_saved_at < now() - interval '5 s'
      and not exists (select 1 from pgboss.job j where j.name = 'bind-guardrail' and j.singleton_key = m.id::text and j.state in ('created', 'retry', 'active'))
    order by k.key_saved_at limit ${mostPerSweep}::int`
  return sendAgain(ctx, 'bind-guardrail', lost)
}

async function sendAgain(ctx: Ctx, name: 'mint-key' | 'bind-guardrail', mints: { id: string }[]): Promise<number> {
  let sent = 0
  for (const { id } of mints) {
    const outcome = await ctx.db.$transaction((tx) => ctx.queue.enqueue(tx, name, { mintId: id }, { singletonKey: id }))
    if (outcome === 'queued') sent++
  }
  return sent
}

/** At the end of a key its sealed secret is erased; hash, label and usage stay. */
async function endExpired(ctx: Ctx): Promise<number> {
  const expired = await ctx.db.$queryRaw<{ claimId: string; workshopSlug: string }[]>`
    select claim_id as "claimId", workshop_slug as "workshopSlug" from keymint.workshop_attendance
    where state = 'ready' and expires_at <= ${ctx.now()} order by expires_at limit ${mostPerSweep}::int`
  let ended = 0
  for (const { claimId, workshopSlug } of expired) {
    await ctx.db.$transaction(async (tx) => {
      const changed = await tx.$executeRaw`
        update keymint.workshop_attendance set state = 'ended', reason = 'expired', ended_at = expires_at, or_key_plaintext = null
        where claim_id = ${claimId}::uuid and state = 'ready' and expires_at <= ${ctx.now()}`
      if (changed !== 1) return
      await recordAudit(tx, { actor: 'worker', action: 'claim.expired', subject: `claim:${claimId}`, workshopSlug })
      ended++
    })
  }
  return ended
}

/** Condemned keys whose delete was not confirmed, where the hash is known; the rest is reconcile's to find. */
async function deleteCondemnedKeys(ctx: Ctx): Promise<number> {
  const rows = await ctx.db.$queryRaw<{ id: string; hash: string }[]>`
    select id, key_hash as hash from keymint.mint_attempts where state = 'condemned' and key_hash is not null and deleted_at is null order by sent_at limit 50`
  let deleted = 0
  for (const { id, hash } of rows) if (await deleteCondemned(ctx, id, hash)) deleted++
  return deleted
}

/** The first of the three calls is made before anybody waits for it. */
async function warmGuardrails(ctx: Ctx): Promise<void> {
  if (!ctx.settings.provisioningEnabled) return
  const now = ctx.now()
  const soon = new Date(now.getTime() + warmBeforeMs)
  for (const workshop of ctx.workshops.workshops.values()) {
    if (windowState(workshop, now) === 'open' || windowState(workshop, soon) === 'open') await warmGuardrail(ctx, workshop.slug)
  }
}

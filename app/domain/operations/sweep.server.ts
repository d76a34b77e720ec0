/**
 * The sweep: every 15 seconds it finds work whose job was lost, so that no accepted claim is
 * forgotten. Nothing else depends on it: whether a key has ended is computed when it is read.
 */

import { sendDeliveriesAgain } from '../alerts/deliver.server'
import { deleteOldAlerts } from '../alerts/read.server'
import { recordAudit } from '../audit/audit.server'
import { warmGuardrail } from '../keys/guardrail.server'
import { sendBulksAgain } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { nanoFromDecimalString } from '~/money'
import { watchAlerts } from './alert-watch.server'
import { foldCounters } from './counters.server'
import { deploymentAccount } from '../keys/accounts.server'
import { deleteCondemned } from '../keys/attempts.server'
import { closeExpired, expireKeys } from '../keys/expiry.server'
import {
  deleteOldKeys,
  endGraced,
  moveDueLimits,
  sendAppliesAgain,
  sendBindsAgain,
  sendMintsAgain,
  sendModelsAgain,
  stopDueCaps,
} from '../keys/wake.server'
import { serveWaitlists } from '../claim/serve-waitlist.server'
import { releaseUnused } from '../claim/release-unused.server'
import { mailHolds } from '../claim/runaway-mail.server'
import { holdRunaways } from '../claim/runaway.server'
import { mailWaitlist } from '../claim/waitlist-mail.server'
import { setClaimCommitted } from '../money/pool.server'
import { sendRunsAgain } from '../keys/reconcile-runs.server'
import { keepOwnAnnouncements } from './own-announcements.server'
import { pruneHistory } from './job-history.server'
import { keepSpares } from '../claim/spares.server'
import { endClosedTeams } from '../team/close.server'
import { followModelLists } from '../team/model-limits.server'
import { watchTeams } from '../team/notice-watch.server'
import { destroyCredentials } from '../vault/destroy.server'
import { windowState } from '../workshop/workshop'

export const sweepSeconds = 15
/** A workshop's guardrail is prepared this long before claims open. */
const warmBeforeMs = 10 * 60_000
const maxPerSweep = 500

/**
 * The parts of a sweep, in their order: the name in the report, the label in the log, and what it
 * does; each returns how much it found.
 */
const parts = {
  mintsSentAgain: ['mints without a job', sendMintsAgain],
  bindsSentAgain: ['unbound keys without a job', sendBindsAgain],
  bulksSentAgain: ['bulk actions without a job', sendBulksAgain],
  ended: ['expired keys', expireKeys],
  closed: ['keys that the provider has ended', closeExpired],
  seatsFreed: ['seats that return', freeSeats],
  runawaysHeld: ['keys that spend too fast', holdRunaways],
  holdsMailed: ['mails about keys on hold', mailHolds],
  unusedReleased: ['keys that nobody has used', releaseUnused],
  waitlistServed: ['waitlists', serveWaitlists],
  waitlistMailed: ['mails to the waitlist', mailWaitlist],
  retired: ['keys whose grace time is over', endGraced],
  limitsRestored: ['limits of a new window', moveDueLimits],
  capsReached: ['keys that have reached their cap', stopDueCaps],
  appliesSentAgain: ['changes of keys without a job', sendAppliesAgain],
  modelsFollowed: ['keys that follow other models', followModelLists],
  modelsSentAgain: ['lists of models without a job', sendModelsAgain],
  keysDeleted: ['settled keys past their retention', deleteOldKeys],
  condemnedDeleted: ['condemned keys', deleteCondemnedKeys],
  guardrailsWarmed: ['guardrails', warmGuardrails],
  sparesKept: ['pre-minted keys', keepSpares],
  reconcilesSentAgain: ['checks and repairs without a job', sendRunsAgain],
  countersKept: ['counters', keepCounters],
  announced: ['announcements of failures', keepOwnAnnouncements],
  teamsEnded: ['members of closed teams', endClosedTeams],
  credentialsDestroyed: ['credentials of closed teams', destroyCredentials],
  alertsWatched: ['alerts', watch],
  teamsTold: ['notifications of teams', tellTeams],
  alertsSentAgain: ['alerts without a job', sendDeliveriesAgain],
  alertsDeleted: ['old alerts', deleteOldAlerts],
  historyPruned: ['the history of jobs', pruneHistory],
} as const satisfies Record<string, readonly [string, (ctx: Ctx) => Promise<number>]>

export type SweepReport = Record<keyof typeof parts, number>

/** Never throws: a part or a row that fails must not hide the others. */
export async function sweep(
  ctx: Ctx,
  onPartFailed: () => void = () => undefined,
): Promise<SweepReport> {
  const report = {} as SweepReport
  for (const [name, [label, run]] of Object.entries(parts))
    report[name as keyof SweepReport] = await guarded(ctx, label, () => run(ctx), onPartFailed)
  if (Object.values(report).some((found) => found > 0))
    ctx.log.info({ report }, 'the sweep found work')
  return report
}

async function guarded(
  ctx: Ctx,
  part: string,
  work: () => Promise<number>,
  onFailed: () => void = () => undefined,
): Promise<number> {
  try {
    return await work()
  } catch (error) {
    onFailed()
    ctx.log.error({ error, part }, 'a part of the sweep failed; the next sweep retries')
    return 0
  }
}

/**
 * Giveaways: the seat of a settled key returns when its cool-down is over, so that somebody else
 * can have it.
 */
async function freeSeats(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ claimId: string; workshopSlug: string }[]>`
    select claim_id as "claimId", workshop_slug as "workshopSlug" from keymint.workshop_attendance
    where state = 'ended' and cooldown_ms is not null and seat_freed_at is null and settled_at is not null
      and ended_at + cooldown_ms * interval '1 ms' <= keymint.now() order by ended_at limit ${maxPerSweep}::int`
  let freed = 0
  for (const { claimId, workshopSlug } of due) {
    freed += await guarded(ctx, `seat of claim ${claimId}`, () =>
      ctx.db.$transaction(async (tx) => {
        const [claim] = await tx.$queryRaw<{ committedUsd: string }[]>`
        select committed_usd::text as "committedUsd" from keymint.workshop_attendance
        where claim_id = ${claimId}::uuid and state = 'ended' and seat_freed_at is null
          and settled_at is not null for update`
        if (!claim) return 0
        await recordAudit(tx, {
          actor: 'worker',
          action: 'claim.seat-freed',
          subject: `claim:${claimId}`,
          scope: workshopSlug,
        })
        await setClaimCommitted(tx, claimId, nanoFromDecimalString(claim.committedUsd), {
          freeSeat: true,
        })
        return 1
      }),
    )
  }
  return freed
}

/**
 * Condemned keys whose delete was not confirmed, where the hash is known; reconcile finds the
 * rest, and a team's service has a pass of its own.
 */
async function deleteCondemnedKeys(ctx: Ctx): Promise<number> {
  const rows = await ctx.db.$queryRaw<{ id: string; hash: string }[]>`
    select a.id, a.key_hash as hash from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where a.state = 'condemned' and a.key_hash is not null and a.deleted_at is null
      and m.account = ${deploymentAccount}::uuid
      order by a.sent_at limit 50`
  let deleted = 0
  for (const { id, hash } of rows) if (await deleteCondemned(ctx, id, hash)) deleted++
  return deleted
}

/**
 * The first of the three calls is made before anybody waits for it. A changed file also reaches keys
 * that are live after claims have closed.
 */
async function warmGuardrails(ctx: Ctx): Promise<number> {
  if (!ctx.settings.provisioningEnabled) return 0
  const live = await ctx.db.$queryRaw<
    { scope: string }[]
  >`select distinct scope from keymint.held_keys
    where live and wants_guardrail and expires_at > ${ctx.now()}`
  const inUse = new Set(live.map((row) => row.scope))
  const now = ctx.now()
  const soon = new Date(now.getTime() + warmBeforeMs)
  for (const workshop of ctx.workshops.workshops.values()) {
    if (
      inUse.has(workshop.slug) ||
      windowState(workshop, now) === 'open' ||
      windowState(workshop, soon) === 'open'
    )
      await warmGuardrail(ctx, workshop.slug)
  }
  return 0
}

/** Folding happens at every sweep and counts as no find. */
async function keepCounters(ctx: Ctx): Promise<number> {
  await foldCounters(ctx)
  return 0
}

/** Judged here and in web alike; whoever comes first does it. */
async function watch(ctx: Ctx): Promise<number> {
  await watchAlerts(ctx)
  return 0
}

/** Once a minute, by whichever sweep comes first. */
async function tellTeams(ctx: Ctx): Promise<number> {
  return (await watchTeams(ctx)) ?? 0
}

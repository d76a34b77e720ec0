/**
 * Pausing and resuming the making of keys, by a person and with a reason that attendees read.
 * Claims keep their place.
 */
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { sendAppliesAgain } from './wake.server'
import { sendMint } from './want.server'

/**
 * Jobs that a resumed queue lets start in one second, so that a room does not fall upon the
 * provider at once.
 */
const resumedPerSecond = 25

/** Nothing is minted from now on. Pausing again replaces the reason and keeps the time. */
export async function pauseMinting(
  ctx: Ctx,
  input: { actorUserId: string; reason: string },
): Promise<'paused' | 'reason-changed'> {
  return ctx.db.$transaction(async (tx) => {
    const [before] = await tx.$queryRaw<
      { paused: boolean }[]
    >`select paused_at is not null as paused from keymint.minting for update`
    await tx.$executeRaw`
      update keymint.minting
        set paused_at = coalesce(paused_at, now()), pause_reason = ${input.reason},
        paused_by = ${input.actorUserId}`
    await recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: 'minting.paused',
      subject: 'minting',
      details: { reason: input.reason },
    })
    return before?.paused ? 'reason-changed' : 'paused'
  })
}

/**
 * Minting goes on, and what waits for it starts now, a few a second. Returns how many jobs were
 * sent or brought forward; null when it was not paused.
 */
export async function resumeMinting(
  ctx: Ctx,
  input: { actorUserId: string },
): Promise<number | null> {
  const resumed = await ctx.db.$transaction(async (tx) => {
    const changed = await tx.$executeRaw`
        update keymint.minting set paused_at = null, pause_reason = null, paused_by = null
          where paused_at is not null`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${input.actorUserId}`,
        action: 'minting.resumed',
        subject: 'minting',
      })
    return changed === 1
  })
  if (!resumed) return null
  // Apart from the above, because a mint that fails locks its own row before the gate's. What is lost
  // here the sweep sends again.
  await ctx.db.$executeRaw`
    update keymint.mints set not_before = null, delay_reason = null where state = 'pending'
      and delay_reason = 'paused'`
  const waiting = await ctx.db.$queryRaw<{ mintId: string; account: string }[]>`
    select id as "mintId", account from keymint.mints where state = 'pending' order by queued_at`
  for (let sent = 0; sent < waiting.length; sent += resumedPerSecond)
    await ctx.db.$transaction(async (tx) => {
      for (const mint of waiting.slice(sent, sent + resumedPerSecond))
        await sendMint(ctx, tx, mint, { startAfterSeconds: sent / resumedPerSecond })
    })
  await ctx.db.$transaction((tx) => ctx.queue.spreadForward(tx, 'mint-key', resumedPerSecond))
  await sendAppliesAgain(ctx)
  return waiting.length
}

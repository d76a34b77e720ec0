/** Keys whose time has come: their holders end with them, and the provider closes most by itself. */
import type { Ctx } from '../ctx'
import { isOver } from './key-row'
import { eachDue } from './wake.server'
import { sendDueRead, wantOff } from './want.server'

/** Keys whose time has come by the engine's clock: the holder ends with the present one. */
export async function expireKeys(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.keys where saved_at is not null and off_ended_at is null and off_replaced_at is null
      and expires_at <= keymint.now() order by expires_at limit 500`
  return eachDue(ctx, due, 'expired', async (tx, key) => {
    if (isOver(key)) return
    await wantOff(ctx, tx, [key], 'ended', key.expiresAt)
    await ctx.holders[key.holderKind]?.expire(ctx, tx, key)
  })
}

/**
 * A key that the provider ends by itself is closed two minutes after its echoed end, without a call.
 * One that was out when its process ended is over too: no answer revives an expired key.
 */
export async function closeExpired(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.keys where saved_at is not null and closed_at is null and expiry_echoed
      and coalesce(off_ended_at, off_replaced_at) is not null
      and expires_at <= keymint.now() - interval '2 min' limit 500`
  return eachDue(ctx, due, 'expired at the provider', async (tx, { id, account }) => {
    await tx.$executeRaw`
      update keymint.keys set closed_at = keymint.now(), own_reads = 0, seen_revision = revision,
        next_read_at = keymint.now() + interval '30 s', call_sent_at = null, call_token = null,
        call_revision = null, call_limit_usd = null, call_on = null
      where id = ${id}::uuid and closed_at is null`
    await sendDueRead(ctx, tx, account)
  })
}

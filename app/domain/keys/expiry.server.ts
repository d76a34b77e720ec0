/** Keys whose time has come: their holders end with them, and the provider closes most by itself. */
import type { Ctx } from '../ctx'
import { lockHolder } from './lock-holder.server'
import { readKey } from './key-store.server'
import { book, sendDueRead, wantOff } from './want.server'

/** Keys whose time has come by the engine's clock: the holder ends with the present one. */
export async function expireKeys(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.keys where saved_at is not null and off_ended_at is null and off_replaced_at is null
      and expires_at <= keymint.now() order by expires_at limit 500`
  let expired = 0
  for (const { id } of due) {
    try {
      await expireKey(ctx, id)
      expired++
    } catch (error) {
      // One row that cannot be ended keeps none of the others waiting.
      ctx.log.error({ error, keyId: id }, 'a key whose time has passed could not be ended')
    }
  }
  return expired
}

async function expireKey(ctx: Ctx, keyId: string): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const key = await readKey(tx, keyId)
    if (!key) return
    await lockHolder(ctx, tx, key)
    const locked = await readKey(tx, keyId)
    if (!locked || locked.off.ended !== null || locked.off.replaced !== null) return
    await wantOff(ctx, tx, [locked], 'ended', locked.expiresAt)
    await ctx.holders[key.holderKind]?.expire(ctx, tx, key)
    await book(ctx, tx, key, { actor: 'worker', why: 'expired' })
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
  let closed = 0
  for (const { id } of due) {
    try {
      await closeAtEnd(ctx, id)
      closed++
    } catch (error) {
      ctx.log.error({ error, keyId: id }, 'a key that the provider has ended could not be closed')
    }
  }
  return closed
}

async function closeAtEnd(ctx: Ctx, keyId: string): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const key = await readKey(tx, keyId)
    if (!key) return
    await lockHolder(ctx, tx, key)
    await tx.$executeRaw`
      update keymint.keys set closed_at = keymint.now(), own_reads = 0, seen_revision = revision,
        next_read_at = keymint.now() + interval '30 s', call_sent_at = null, call_token = null,
        call_revision = null, call_limit_usd = null, call_on = null
      where id = ${keyId}::uuid and closed_at is null`
    await sendDueRead(ctx, tx, key.account)
    await book(ctx, tx, key, { actor: 'worker', why: 'expired at the provider' })
  })
}

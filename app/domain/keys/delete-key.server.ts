/**
 * Deleting a key for good. Guarantee: what is deleted bears the name of our own saved attempt, and
 * was read once more before.
 */
import type { Tx } from '~/adapters/db.server'
import { ProviderError } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { OpenAccount } from './accounts.server'
import type { Key } from './key-row'
import { engineNow } from './key-store.server'
import { lockHolder } from './lock-holder.server'
import { recordReading } from './readings.server'
import { book, wakeMint } from './want.server'

/** The mint of the next generation waits for this. */
export async function wakeSuccessor(ctx: Ctx, tx: Tx, key: Key) {
  const [next] = await tx.$queryRaw<{ mintId: string; account: string }[]>`
    select m.id as "mintId", m.account from keymint.mints m
    where m.holder_kind = ${key.holderKind} and m.holder_id = ${key.holderId}::uuid and m.state = 'pending'`
  if (next) await wakeMint(ctx, tx, next)
}

/**
 * Reads name and use once more, and deletes only what bears the name of our own call. A key of
 * another name stays: no call is made again, and staff see why.
 */
export async function deleteKey(
  ctx: Ctx,
  account: OpenAccount,
  key: Key,
  token: string,
): Promise<void> {
  const hash = key.hash ?? ''
  const [attempt] = await ctx.db.$queryRaw<{ name: string }[]>`
    select a.name from keymint.keys k join keymint.mint_attempts a on a.id = k.attempt_id
    where k.id = ${key.id}::uuid and a.state = 'saved' and k.installation = ${ctx.installationId}`
  const askedAt = await engineNow(ctx.db)
  const seen = await account.adapter.findKey(account.credential, hash, key.meter)
  // Absent for an account that has never shown a key of ours is not gone (accounts.server.ts).
  if (!seen && !account.confirmed)
    throw new ProviderError({ call: 'find the key', kind: 'rejected', reason: 'not-found' })
  if (seen && seen.name !== attempt?.name) return refuseDelete(ctx, key, token)
  if (seen) {
    await recordReading(ctx, key.id, seen, askedAt, { own: true })
    await account.adapter.deleteKey(account.credential, hash)
  }
  await recordGone(ctx, key, token)
}

async function refuseDelete(ctx: Ctx, key: Key, token: string): Promise<void> {
  ctx.log.error({ keyId: key.id }, 'a key of ours bears a foreign name and is not deleted')
  await ctx.db.$executeRaw`
    update keymint.keys set delete_wanted = false, apply_tries = 0, apply_at = keymint.now() + interval '5 min',
      apply_error = '{"reason": "foreign-name"}'::jsonb,
      apply_failed_at = coalesce(apply_failed_at, keymint.now()),
      call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null, call_on = null
    where id = ${key.id}::uuid and call_token = ${token}::uuid`
}

/** Deleted for good: nobody can spend it, and nobody can read it again. */
async function recordGone(ctx: Ctx, key: Key, token: string): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    await lockHolder(ctx, tx, key)
    const gone = await tx.$executeRaw`
      update keymint.keys set deleted_at = keymint.now(), missing_at = coalesce(missing_at, keymint.now()),
        closed_at = coalesce(closed_at, keymint.now()), seen_off = true, seen_revision = revision,
        next_read_at = case when settled_at is null then keymint.now() + interval '7 min' end,
        call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null, call_on = null,
        doubt_until = null, doubt_limit_usd = null, doubt_on = false, apply_error = null, apply_failed_at = null
      where id = ${key.id}::uuid and call_token = ${token}::uuid and deleted_at is null`
    if (gone !== 1) return
    await tx.$executeRaw`
      update keymint.mint_attempts a set deleted_at = coalesce(a.deleted_at, now()) from keymint.keys k
      where k.id = ${key.id}::uuid and a.id = k.attempt_id`
    await recordAudit(tx, {
      actor: 'worker',
      action: 'key.deleted',
      subject: `${key.holderKind}:${key.holderId}`,
      scope: key.scope,
      details: { keyHash: key.hash, generation: key.generation },
    })
    await wakeSuccessor(ctx, tx, key)
    await book(ctx, tx, key, { actor: 'worker', why: 'the key is deleted' })
  })
}

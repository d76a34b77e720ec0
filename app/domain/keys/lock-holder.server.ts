import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { Key } from './key-row'

/** The same for many, in one order. */
export async function lockHolders(
  ctx: Ctx,
  tx: Tx,
  keys: readonly Pick<Key, 'holderKind' | 'holderId'>[],
): Promise<void> {
  for (const key of [...keys].sort((a, b) => a.holderId.localeCompare(b.holderId)))
    await lockHolder(ctx, tx, key)
}

export async function lockHolder(
  ctx: Ctx,
  tx: Tx,
  key: Pick<Key, 'holderKind' | 'holderId'>,
): Promise<void> {
  await ctx.holders[key.holderKind]?.lock(ctx, tx, key)
}

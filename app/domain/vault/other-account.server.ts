import { isProviderError } from '~/adapters/provider-error'
import type { ServiceAdapter, ServiceCredential } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { isUnsealError, openAccount } from '../keys/accounts.server'

/** How many of the newest keys are compared before two credentials count as one provider account. */
const keysCompared = 5

/**
 * True when the old credential still sees a key that the new one does not. Nothing is proved when
 * the old one no longer works.
 */
export async function isOtherAccount(
  ctx: Ctx,
  masterKeyId: string,
  adapter: ServiceAdapter,
  credential: ServiceCredential,
): Promise<boolean> {
  const newest = await ctx.db.$queryRaw<{ id: string }[]>`
    select a.key_hash as id from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where m.account = ${masterKeyId}::uuid and a.state = 'saved' and a.deleted_at is null
      order by a.settled_at desc limit ${keysCompared}::int`
  if (newest.length === 0) return false
  let old: Awaited<ReturnType<typeof openAccount>>
  try {
    old = await openAccount(ctx, masterKeyId)
  } catch (error) {
    // The old one opens no more: nothing can be asked of it, and a new one is the remedy.
    if (!isUnsealError(error)) throw error
    return false
  }
  if (!old) return false
  try {
    for (const { id } of newest)
      if (
        (await old.adapter.findKey(old.credential, id)) !== null &&
        (await adapter.findKey(credential, id)) === null
      )
        return true
  } catch (error) {
    if (!isProviderError(error)) throw error
  }
  return false
}

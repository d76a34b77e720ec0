/** Keys whose usage no list shows: each is read by itself, with the note of its last reading. */
import pLimit from 'p-limit'
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceKey } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import type { OpenAccount } from './accounts.server'
import { jobErrorOf } from '../error-text'
import { engineNow } from './key-store.server'
import { recordUnread } from './readings.server'

/** Readings at once of one account. */
const readsAtOnce = 5
/** So many answers in a row that are none, and the account answers nobody. */
const maxFailures = 3

type Metered = { id: string; hash: string; meter: string | null }

/**
 * One that cannot be read is left to the next pass; an account that answers nobody ends this one.
 * `keep` records what was read.
 */
export async function readMetered(
  ctx: Ctx,
  account: OpenAccount,
  keys: readonly Metered[],
  keep: (ctx: Ctx, keyId: string, seen: ServiceKey, askedAt: Date) => Promise<void>,
): Promise<void> {
  let failures = 0
  const limit = pLimit(readsAtOnce)
  await limit.map(keys, async ({ id, hash, meter }) => {
    if (failures >= maxFailures) return
    const askedAt = await engineNow(ctx.db)
    try {
      const seen = await account.adapter.findKey(account.credential, hash, meter)
      if (seen) await keep(ctx, id, seen, askedAt)
      failures = 0
    } catch (error) {
      if (!isProviderError(error)) throw error
      await recordUnread(ctx, id, jobErrorOf(error.details))
      if (++failures >= maxFailures) throw error
      ctx.log.warn({ keyId: id, failure: error.details }, 'the usage of a key could not be read')
    }
  })
}

/** What a service shows of a key whose cap Keymint holds. */
import type { ServiceKey, ServiceReset } from '~/adapters/service-adapter'
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { Key } from './key-row'

/** Whether the service knows no cap, and Keymint stops the key at it. */
export const isCapHeldHere = (ctx: Ctx, key: Pick<Key, 'service'>): boolean =>
  ctx.services.get(key.service)?.capabilities.capBy === 'keymint'

/** Where Keymint holds the cap, the service shows none: nothing of it can differ there. */
export function withCapHeldHere(
  ctx: Ctx,
  key: Key,
  seen: ServiceKey,
  change: { limit?: NanoUsd; reset?: ServiceReset | null } = {},
): ServiceKey {
  if (!isCapHeldHere(ctx, key)) return seen
  return {
    ...seen,
    cap: change.limit ?? key.seen.limit ?? key.limit,
    reset: change.reset === undefined ? asReset(key.seen.reset) : change.reset,
  }
}

const asReset = (text: string | null): ServiceReset | null =>
  text === 'daily' || text === 'weekly' || text === 'monthly' ? text : null

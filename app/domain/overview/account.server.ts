/** What is left on the account at the provider, as it was last read. */
import type { Ctx } from '../ctx'
import type { NanoUsd } from '~/money'

export type AccountReading = { creditsLeft: NanoUsd | null; asOf: string | null }

/** Nulls until something has been read. */
export async function readAccount(_ctx: Pick<Ctx, 'db'>): Promise<AccountReading> {
  return Promise.resolve({ creditsLeft: null, asOf: null })
}

/**
 * What the account at the provider has left, kept so that pages say it with its "as of" and ask
 * nobody.
 */
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'

export type AccountReading = {
  /** Bought less used; null before the first reading. May be negative. */
  creditsLeft: NanoUsd | null
  readAt: Date | null
  /** Why the last try failed; null when it did not. */
  error: string | null
  failedAt: Date | null
}

/**
 * Reads the credits and keeps them, or the reason why they could not be read. Never throws for the
 * provider.
 */
export async function readCredits(ctx: Ctx): Promise<boolean> {
  try {
    const { bought, used } = await ctx.provider.readCredits()
    await ctx.db.$executeRaw`
      update keymint.account_readings
        set credits_total = ${decimalStringFromNano(bought)}::numeric,
        credits_used = ${decimalStringFromNano(used)}::numeric, read_at = now(), error = null, failed_at = null`
    return true
  } catch (error) {
    if (!isProviderError(error)) throw error
    ctx.log.warn({ failure: error.details }, 'the credits of the account could not be read')
    await ctx.db
      .$executeRaw`update keymint.account_readings set error = ${error.message}, failed_at = now()`
    return false
  }
}

/** The last reading, from its row. */
export async function findAccountReading(ctx: Pick<Ctx, 'db'>): Promise<AccountReading> {
  const [row] = await ctx.db.$queryRaw<
    { left: string | null; readAt: Date | null; error: string | null; failedAt: Date | null }[]
  >`
    select (credits_total - credits_used)::text as left, read_at as "readAt", error, failed_at as "failedAt"
      from keymint.account_readings`
  return {
    creditsLeft: row?.left ? nanoFromDecimalString(row.left) : null,
    readAt: row?.readAt ?? null,
    error: row?.error ?? null,
    failedAt: row?.failedAt ?? null,
  }
}

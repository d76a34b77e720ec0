/**
 * "Test my key": the key, and the account that pays for it. The provider is asked with the key
 * itself, which is free; only on demand does one real request go out, of a fraction of a cent.
 */
import { isProviderError, type ProviderErrorDetails } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { findAccountReading, readCredits } from '../keys/account-reading.server'
import { keyPlace } from '../keys/mint-attempt.server'
import { recordReading } from '../keys/readings.server'
import { moneyView } from '../money-view'
import { keepKey } from './release-unused.server'
import { findSealed, type SealedClaim } from './reveal.server'
import type { KeyTestResult } from './view-types'

/** A whole workshop tests at once when it breaks: credits read so shortly ago are not read again. */
const creditsFreshMs = 15_000

/** Null when there is no claim. */
export async function testKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
  options: { real: boolean } = { real: false },
): Promise<KeyTestResult | null> {
  const claim = await findSealed(ctx, ctx.db, owner)
  const row = await ctx.db.workshopAttendance.findUnique({
    where: { userId_workshopSlug: owner },
    select: { state: true, expiresAt: true },
  })
  if (!row) return null
  const checkedAt = ctx.now().toISOString()
  const answer = (
    result: KeyTestResult['result'],
    more: Partial<Pick<KeyTestResult, 'left' | 'model'>> = {},
  ): KeyTestResult => ({ result, left: null, model: null, ...more, checkedAt })
  if (row.state === 'ended' || row.expiresAt <= ctx.now()) return answer('expired')
  if (!claim?.revealable) return answer('not-ready')
  await keepKey(ctx, owner)
  const plaintext = ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation))
  try {
    const left = await readLeft(ctx, claim, plaintext)
    if (left !== null && left <= 0n) return answer('spent', { left: moneyView(0n) })
    const shown = { left: left === null ? null : moneyView(left) }
    if (await isOutOfCredit(ctx)) return answer('account-out-of-credit', shown)
    if (!options.real) return answer('works', shown)
    // Free variants are shared by everybody and often busy: they say nothing about the key.
    const model = claim.allowedModels.find((id) => !id.endsWith(':free'))
    if (model === undefined) return answer('no-model', shown)
    return answer(await tryOnce(ctx, plaintext, model), { ...shown, model })
  } catch (error) {
    if (!isProviderError(error)) throw error
    const { status } = error.details
    return answer(status === 401 || status === 403 ? 'disabled-or-gone' : 'provider-error')
  }
}

/** What the provider says is left of the key's limit; null where it names none. Kept as a reading. */
async function readLeft(ctx: Ctx, claim: SealedClaim, plaintext: string): Promise<bigint | null> {
  const reading = await ctx.provider.readOwnKey(plaintext)
  const { limit, limitRemaining, usage, expiresAt } = reading
  await recordReading(
    ctx,
    claim.keyId,
    {
      id: claim.keyHash,
      name: '',
      label: '',
      cap: limit,
      reset: claim.limitReset,
      usage,
      usedInWindow: limit === null || limitRemaining === null ? usage : limit - limitRemaining,
      windowEndsAt: null,
      disabled: false,
      createdAt: null,
      expiresAt,
    },
    claim.askedAt,
    { own: false },
  )
  return limitRemaining
}

/** False also where nobody can tell: then the key itself is all that is known. */
async function isOutOfCredit(ctx: Ctx): Promise<boolean> {
  const kept = await findAccountReading(ctx)
  const age = kept.readAt ? ctx.now().getTime() - kept.readAt.getTime() : Infinity
  if (age > creditsFreshMs) await readCredits(ctx)
  const { creditsLeft, readAt, failedAt } =
    age > creditsFreshMs ? await findAccountReading(ctx) : kept
  return creditsLeft !== null && creditsLeft <= 0n && readAt !== null && failedAt === null
}

async function tryOnce(
  ctx: Ctx,
  plaintext: string,
  model: string,
): Promise<KeyTestResult['result']> {
  try {
    await ctx.provider.tryOwnKey(plaintext, model)
    return 'answers'
  } catch (error) {
    if (!isProviderError(error)) throw error
    return resultOf(error.details)
  }
}

const resultOfStatus: Record<number, KeyTestResult['result']> = {
  400: 'model-refused',
  401: 'disabled-or-gone',
  402: 'account-out-of-credit',
  403: 'model-refused',
  404: 'model-refused',
  429: 'slow-down',
}

function resultOf({ status, providerMessage }: ProviderErrorDetails): KeyTestResult['result'] {
  if (status === 403 && providerMessage?.includes('Key limit exceeded')) return 'spent'
  return resultOfStatus[status ?? 0] ?? 'requests-fail'
}

/**
 * Who makes the key of a mint: the deployment's own provider for claims, a team's service for
 * everything with an account. For claims nothing is asked and nothing awaited.
 */
import type { KeyReset } from '~/adapters/key-provider'
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { openService } from './service.server'
import type { MintRefusal } from '../holder'

export type CreatedKey = { hash: string; label: string; plaintext: string }
export type KeyMaker = (name: string) => Promise<CreatedKey>

type Work = {
  account: string | null
  limitUsd: string
  limitReset: KeyReset | null
  expiresAt: Date
  allowedModels: string[]
}

/** One call makes one request; its errors are ProviderErrors. */
export function keyMaker(
  ctx: Ctx,
  work: Work,
): KeyMaker | Promise<KeyMaker | { refusal: MintRefusal }> {
  const limit = nanoFromDecimalString(work.limitUsd)
  if (work.account === null)
    return (name) =>
      ctx.provider.createKey({
        name,
        limit,
        limitReset: work.limitReset,
        expiresAt: work.expiresAt,
      })
  return serviceKeyMaker(ctx, work.account, work)
}

async function serviceKeyMaker(
  ctx: Ctx,
  account: string,
  work: Work,
): Promise<KeyMaker | { refusal: MintRefusal }> {
  const { state, adapter, credential } = await openService(ctx, account)
  if (state === 'disabled')
    return {
      refusal: {
        reason: 'rejected-by-provider',
        detail: `The team has disabled this credential for ${adapter.title}.`,
      },
    }
  const models = work.allowedModels.length === 0 ? null : work.allowedModels
  return async (name) => {
    const { id, label, plaintext } = await adapter.createKey(credential, {
      name,
      cap: nanoFromDecimalString(work.limitUsd),
      reset: work.limitReset,
      expiresAt: work.expiresAt,
      models,
    })
    return { hash: id, label, plaintext }
  }
}

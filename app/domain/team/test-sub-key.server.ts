/**
 * "Test this key": the service is asked about one key now, with the team's credential, and what it says
 * is kept like any reading, so that the page shows it. No secret is opened and nothing is spent.
 */
import { isProviderError } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { openAccount, type OpenAccount } from '../keys/accounts.server'
import { readOneKey } from '../keys/readings.server'
import { findSubKey } from './sub-key-view.server'
import type { SubKeyTest } from './view-types'

/**
 * `ref` holds uuids; the caller has asked whether the person may see the key. Waits for the service, as
 * long as its adapter does.
 */
export async function testSubKey(
  ctx: Ctx,
  { teamId, keyId }: { teamId: string; keyId: string },
): Promise<SubKeyTest> {
  const answer = (
    result: SubKeyTest['result'],
    more: Partial<Pick<SubKeyTest, 'left' | 'detail'>> = {},
  ): SubKeyTest => ({ result, left: null, detail: null, ...more })
  const [key] = await ctx.db.$queryRaw<
    { id: string; account: string; hash: string; meter: string | null }[]
  >`
    select e.id, e.account, e.hash, e.meter from keymint.api_keys k
    join keymint.keys e on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
    where k.id = ${keyId}::uuid and k.team_id = ${teamId}::uuid and k.state = 'ready'
      and k.expires_at > ${ctx.now()}::timestamptz and e.hash is not null and e.saved_at is not null
      and e.closed_at is null and e.installation = ${ctx.installationId}`
  if (!key) return answer('not-live')
  const account = await openAccount(ctx, key.account)
  if (!account) return answer('no-credential')
  try {
    const seen = await readOneKey(ctx, account, key)
    if (!seen) return answer('missing')
    const left = (await findSubKey(ctx, teamId, keyId))?.left ?? null
    if (left !== null && left.usd <= 0) return answer('spent', { left })
    if (seen.disabled) return answer('disabled', { left })
    return answer((await isOutOfCredit(account)) ? 'account-out-of-credit' : 'works', { left })
  } catch (error) {
    if (!isProviderError(error)) throw error
    const { reason, providerMessage = null } = error.details
    const refused = reason === 'unauthorized' || reason === 'forbidden'
    return answer(refused ? 'credential-refused' : 'no-answer', { detail: providerMessage })
  }
}

/** False also where the service tells no balance, or not now: then the key itself is all that is known. */
async function isOutOfCredit({ adapter, credential }: OpenAccount): Promise<boolean> {
  try {
    const balance = await adapter.readBalance?.(credential)
    return balance !== undefined && balance <= 0n
  } catch (error) {
    if (isProviderError(error)) return false
    throw error
  }
}

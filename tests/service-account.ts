/** The list of a team's account at a service, as tests look at it. */
import { openAccount } from '~/domain/keys/accounts.server'
import { listAccount } from '~/domain/keys/read-account.server'
import type { World } from './world'

export async function keysAt(world: Pick<World, 'ctx'>, masterKeyId: string) {
  const { adapter, credential } = (await openAccount(world.ctx, masterKeyId))!
  const keys = []
  for await (const page of adapter.listKeys(credential)) keys.push(...page.keys)
  return keys
}

/** One pass over the list, as its job makes it. */
export async function readList(
  world: Pick<World, 'ctx'>,
  id: string,
  options: { dryRun?: boolean } = {},
) {
  const account = (await openAccount(world.ctx, id))!
  return listAccount(world.ctx, account, { signal: AbortSignal.timeout(30_000), ...options })
}

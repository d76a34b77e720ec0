/**
 * The keys behind one master key, with the credential in hand: what the life of a sub-key asks of
 * its service.
 */
import { invariant } from '@epic-web/invariant'
import type { ServiceKey, ServiceReading } from '~/adapters/service-adapter'
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { openService } from './service.server'

/**
 * Every method makes its own request and throws ProviderError, as in service-adapter.ts. For one
 * piece of work: the credential is not kept longer.
 */
export type ServiceKeys = {
  updateLimit(id: string, cap: NanoUsd): Promise<ServiceKey>
  disableKey(id: string): Promise<void>
  enableKey(id: string): Promise<void>
  /**
   * For good, and only an id that one of our own attempts has saved with this master key: anything
   * else throws. May be repeated.
   */
  deleteKey(id: string): Promise<void>
  findKey(id: string): Promise<ServiceKey | null>
  readUsage(ids: readonly string[]): Promise<Map<string, ServiceReading>>
}

export type OpenServiceKeys = (ctx: Ctx, masterKeyId: string) => Promise<ServiceKeys | null>

/**
 * Also with a disabled master key: what exists can be read, lowered and deleted. Null when there is
 * no such master key.
 */
export async function openServiceKeys(ctx: Ctx, masterKeyId: string): Promise<ServiceKeys | null> {
  if (!(await ctx.db.masterKey.findUnique({ where: { id: masterKeyId }, select: { id: true } })))
    return null
  const { adapter, credential } = await openService(ctx, masterKeyId)
  return {
    updateLimit: (id, cap) => adapter.updateLimit(credential, id, cap),
    disableKey: (id) => adapter.disableKey(credential, id),
    enableKey: (id) => adapter.enableKey(credential, id),
    findKey: (id) => adapter.findKey(credential, id),
    readUsage: (ids) => adapter.readUsage(credential, ids),
    async deleteKey(id) {
      const [attempt] = await ctx.db.$queryRaw<{ id: string }[]>`
        select a.id from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
          where m.account = ${masterKeyId}::uuid and a.key_hash = ${id} and a.state = 'saved'`
      invariant(attempt, 'a key that no attempt of ours has saved is not deleted')
      await adapter.deleteKey(credential, id)
      await ctx.db.$executeRaw`
          update keymint.mint_attempts set deleted_at = now() where id = ${attempt.id}::uuid
            and deleted_at is null`
    },
  }
}

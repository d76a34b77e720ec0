/** The provider behind a master key, opened for one piece of work. The credential is never kept. */
import type { NanoUsd } from '~/money'
import type { ServiceKey, ServiceReading } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'

/** A service with the credential already in hand: what the life of a sub-key needs of it. */
export type OpenedService = {
  updateLimit(id: string, cap: NanoUsd): Promise<ServiceKey>
  disableKey(id: string): Promise<void>
  deleteKey(id: string): Promise<void>
  findKey(id: string): Promise<ServiceKey | null>
  readUsage(ids: readonly string[]): Promise<Map<string, ServiceReading>>
}

/** Null when the master key is switched off or gone: nothing can be asked then. */
export type OpenService = (ctx: Ctx, masterKeyId: string) => Promise<OpenedService | null>

/** Opens the sealed credential of a master key. */
export const openMasterKey: OpenService = (_ctx, _masterKeyId) => Promise.resolve(null)

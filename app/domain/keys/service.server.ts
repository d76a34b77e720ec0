/**
 * A master credential, opened for one piece of work. Only jobs and the vault itself call this;
 * nothing returns it to a page.
 */
import { invariant } from '@epic-web/invariant'
import type { SealedPlace } from '~/adapters/sealing.server'
import type { ServiceAdapter, ServiceCredential } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'

export type OpenService = {
  masterKeyId: string
  teamId: string
  /** With a disabled one nothing new is made and no cap raised. */
  state: 'active' | 'disabled'
  adapter: ServiceAdapter
  credential: ServiceCredential
}

/** The place a master credential is sealed to. */
export const masterKeyPlace = (id: string, generation: number): SealedPlace => ({
  table: 'master_keys',
  row: id,
  generation,
})

/** Throws UnsealError when ENCRYPTION_KEY lacks the key it was sealed under. */
export async function openService(ctx: Ctx, masterKeyId: string): Promise<OpenService> {
  const row = await ctx.db.masterKey.findUnique({ where: { id: masterKeyId } })
  invariant(row, `there is no master key ${masterKeyId}`)
  const adapter = ctx.services.get(row.service)
  invariant(adapter, `this build has no adapter for the service ${row.service}`)
  const secret = ctx.sealer.unseal(row.sealed, masterKeyPlace(row.id, row.generation))
  return {
    masterKeyId: row.id,
    teamId: row.teamId,
    state: row.state === 'active' ? 'active' : 'disabled',
    adapter,
    credential: { secret, baseUrl: row.baseUrl },
  }
}

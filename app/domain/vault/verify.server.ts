/** Asking a service whether it still accepts a credential of the vault. */
import type { Ctx } from '../ctx'
import { isUnsealError, openAccount, type OpenAccount } from '../keys/accounts.server'
import { requireActiveOwner } from '../money/member-lock.server'
import { serviceRefused, type VaultRefusal } from './check-credential.server'

/**
 * Asks the service whether it still accepts the credential, and keeps the time if it does. Null
 * when the team has no such credential. Throws NotAllowed unless the person is an active owner.
 */
export async function verifyKey(
  ctx: Ctx,
  input: { teamId: string; userId: string; masterKeyId: string },
): Promise<{ kind: 'verified' } | VaultRefusal | null> {
  const row = await ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, input.teamId, input.userId)
    return tx.masterKey.findFirst({
      where: { id: input.masterKeyId, teamId: input.teamId, destroyedAt: null },
      select: { generation: true },
    })
  })
  if (!row) return null
  const account = await openOrNull(ctx, input.masterKeyId)
  if (account === 'seal-broken') return { kind: 'refused', reason: 'seal-broken' }
  if (!account) return null
  const { adapter, credential } = account
  const verified = await adapter.verifyCredential(credential)
  if (!verified.ok) return serviceRefused(adapter, verified.problem)
  await ctx.db.masterKey.updateMany({
    where: { id: input.masterKeyId, generation: row.generation },
    data: { verifiedAt: ctx.now() },
  })
  return { kind: 'verified' }
}

/** One that does not open in its row is sent nowhere. */
async function openOrNull(ctx: Ctx, id: string): Promise<OpenAccount | 'seal-broken' | null> {
  try {
    return await openAccount(ctx, id)
  } catch (error) {
    if (isUnsealError(error)) return 'seal-broken'
    throw error
  }
}

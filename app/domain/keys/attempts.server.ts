/**
 * Attempts: one row per POST /keys, written before the call and never deleted. The row is the lock:
 * it ends as `saved` or as `condemned`, never both, because both are conditional updates of it (and
 * a trigger holds it). Only names found here, in a condemned row, may ever be deleted upstream by a
 * program.
 */
import type { Db, Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { isProviderError } from '~/adapters/provider-error'

export const upstreamNamePrefix = (installationId: string) => `km/${installationId}/`

/** The name of a key upstream: no personal data, and provably ours. */
export function upstreamName(installationId: string, scope: string, attemptId: string): string {
  return `${upstreamNamePrefix(installationId)}${scope}/${attemptId}`
}

/** `sent|unknown|refused -> condemned`. True if the attempt is condemned now, whoever did it. */
export async function condemn(
  db: Db | Tx,
  attemptId: string,
  keyHash: string | null,
): Promise<boolean> {
  const rows = await db.$queryRaw<{ state: string }[]>`
    with changed as (
      update keymint.mint_attempts
        set state = 'condemned', key_hash = coalesce(${keyHash}, key_hash), settled_at = now()
      where id = ${attemptId}::uuid and state in ('sent', 'unknown', 'refused') returning state)
    select state from changed
    union all
    select state from keymint.mint_attempts where id = ${attemptId}::uuid
      and not exists (select 1 from changed)`
  return rows[0]?.state === 'condemned'
}

/** Where a key was made: it is read before it is deleted. */
export type KeyPlace = {
  findKey(hash: string): Promise<{ name: string } | null>
  deleteKey(hash: string): Promise<void>
}

/** Deletes the key if it bears this name; one that is gone already counts as deleted. */
async function deleteNamed(
  place: KeyPlace,
  hash: string,
  name: string,
): Promise<'deleted' | 'not-ours'> {
  const key = await place.findKey(hash)
  if (key && key.name !== name) return 'not-ours'
  if (key) await place.deleteKey(hash)
  return 'deleted'
}

/**
 * Deletes the key of a condemned attempt, where it was made. False when the provider did not
 * confirm: a later pass tries again. A key of another name is not ours: its hash is forgotten, and
 * ours is found by its name.
 */
export async function deleteCondemned(
  ctx: Ctx,
  attemptId: string,
  keyHash: string,
  place: KeyPlace = ctx.provider,
): Promise<boolean> {
  const [attempt] = await ctx.db.$queryRaw<{ name: string }[]>`
    select name from keymint.mint_attempts where id = ${attemptId}::uuid and state = 'condemned'`
  if (!attempt) return false
  try {
    if ((await deleteNamed(place, keyHash, attempt.name)) === 'not-ours') {
      ctx.log.error({ attemptId, keyHash }, 'a condemned key bears a name that is not ours')
      await ctx.db.$executeRaw`
        update keymint.mint_attempts set key_hash = null
        where id = ${attemptId}::uuid and state = 'condemned' and key_hash = ${keyHash}`
      return false
    }
  } catch (error) {
    if (!isProviderError(error)) throw error
    ctx.log.warn({ attemptId, failure: error.details }, 'a condemned key could not be deleted yet')
    return false
  }
  await ctx.db.$executeRaw`
      update keymint.mint_attempts set deleted_at = now(), key_hash = ${keyHash} where id = ${attemptId}::uuid
        and state = 'condemned'`
  ctx.log.info({ attemptId }, 'a condemned key is deleted upstream')
  return true
}

/**
 * "Try now": a person ends the pauses that failures have led to. What is wanted stays as it is; only
 * the patience begins anew, and a closed gate lets one probe through.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { HolderId } from '../holder'
import { sendApply, wakeMint } from './want.server'

/** False when nothing of this holder waits for the provider. The caller holds the holder's row. */
export async function tryHolderNow(ctx: Ctx, tx: Tx, holder: HolderId): Promise<boolean> {
  const keys = await tx.$queryRaw<{ id: string; account: string }[]>`
    update keymint.keys set apply_at = null, apply_tries = 0
    where holder_kind = ${holder.holderKind} and holder_id = ${holder.holderId}::uuid
      and saved_at is not null and deleted_at is null and closed_at is null
      and (revision <> seen_revision or apply_failed_at is not null)
    returning id, account`
  for (const key of keys) await sendApply(ctx, tx, key, { urgent: true })
  const [mint] = await tx.$queryRaw<{ mintId: string; account: string }[]>`
    select id as "mintId", account from keymint.mints
    where holder_kind = ${holder.holderKind} and holder_id = ${holder.holderId}::uuid and state = 'pending'`
  if (mint) {
    await tx.$executeRaw`
      update keymint.accounts set cooldown_until = now(), probe_at = null
      where id = ${mint.account}::uuid and cooldown_until > now()`
    await wakeMint(ctx, tx, mint)
  }
  return keys.length > 0 || mint !== undefined
}

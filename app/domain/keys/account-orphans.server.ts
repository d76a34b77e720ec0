/**
 * Keys of ours in an account that no row holds. Only a name of our own attempts may be deleted, and
 * it is condemned before.
 */
import type { ServiceKey } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { placeOf, type OpenAccount } from './accounts.server'
import { condemn, deleteCondemned } from './attempts.server'

/** A `sent` attempt younger than this may still be saved by the worker that made it. */
const sentGraceSeconds = 60

const maxUnknownNames = 20

export type AccountReport = {
  listed: number
  read: number
  orphansDeleted: number
  orphansLeft: number
  missing: number
  unreadable: number
  /** Our installation id, but no attempt of that name: a person decides. */
  unexplained: string[]
}

export async function removeOrphans(
  ctx: Ctx,
  account: OpenAccount,
  ours: readonly ServiceKey[],
  report: AccountReport,
  dryRun: boolean,
): Promise<void> {
  if (ours.length === 0) return
  type Row = { id: string; name: string; state: string; keyHash: string | null; inFlight: boolean }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select a.id, a.name, a.state, a.key_hash as "keyHash",
      a.state = 'sent' and a.token = m.fencing_token and m.state = 'pending'
        and a.sent_at > now() - make_interval(secs => ${sentGraceSeconds}::int) as "inFlight"
    from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
      where a.name = any(${ours.map((key) => key.name)}::text[])`
  const byName = new Map(rows.map((row) => [row.name, row]))
  for (const key of ours) {
    const attempt = byName.get(key.name)
    if (!attempt || (attempt.state === 'saved' && attempt.keyHash !== key.id)) {
      if (report.unexplained.length < maxUnknownNames) report.unexplained.push(key.name)
    } else if (attempt.state !== 'saved' && !attempt.inFlight) {
      if (dryRun) report.orphansDeleted++
      // Condemning comes first: if a save wins instead, the key stays.
      else if (await condemn(ctx.db, attempt.id, key.id))
        await deleteAt(ctx, account, attempt.id, key.id, report)
    }
  }
}

/**
 * A list asked for after these calls were over, which goes back to before they were sent, and none
 * of their keys on it: they count as resolved. A key that comes later is still found by its name.
 */
export async function resolveAttempts(ctx: Ctx, accountId: string, askedAt: Date): Promise<void> {
  await ctx.db.$executeRaw`
    update keymint.mint_attempts t set resolved_at = keymint.now() from keymint.mints m
    where m.id = t.mint_id and m.account = ${accountId}::uuid and t.resolved_at is null
      and t.deleted_at is null and t.state in ('sent', 'unknown', 'condemned')
      and coalesce(t.settled_at, t.sent_at + make_interval(secs => ${sentGraceSeconds}::int))
        < ${askedAt}::timestamptz`
}

/** Condemned keys of a known id; one that is gone already counts as deleted. */
export async function deleteKnownCondemned(
  ctx: Ctx,
  account: OpenAccount,
  judged: ReadonlySet<string>,
  report: AccountReport,
): Promise<void> {
  const rows = await ctx.db.$queryRaw<{ id: string; hash: string }[]>`
    select a.id, a.key_hash as hash from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where m.account = ${account.id}::uuid and a.state = 'condemned' and a.key_hash is not null
      and a.deleted_at is null order by a.sent_at limit 50`
  for (const { id, hash } of rows)
    if (!judged.has(hash)) await deleteAt(ctx, account, id, hash, report)
}

async function deleteAt(
  ctx: Ctx,
  account: OpenAccount,
  attemptId: string,
  hash: string,
  report: AccountReport,
) {
  const deleted = await deleteCondemned(ctx, attemptId, hash, placeOf(account))
  if (deleted) report.orphansDeleted++
  else report.orphansLeft++
}

/**
 * The installation id: part of every upstream name, so that two databases with one management key
 * never touch each other's keys. A database that was restored, or copied, must get a new one before
 * a worker starts.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { randomBytes } from 'node:crypto'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { workerSeen } from '../worker-seen.server'
import { upstreamNamePrefix } from '../keys/attempts.server'

export type RenewOutcome =
  /** Processes read the id when they start: they would go on under the old one. */
  { kind: 'workers-running'; workers: number } | { kind: 'renewed'; previousId: string; id: string }

/**
 * What becomes of the keys of the former id. `adopt`: this database continues for one that is gone
 * (a restore), and its keys are its own. `leave`: it is a copy of one that lives on, and neither the
 * loop nor reconcile touches them.
 */
export type FormerKeys = 'adopt' | 'leave'

/**
 * Gives this database a new installation id, audited. Refuses while a worker was seen lately.
 * `formerId`: of the keys, where the database already has another one than they.
 */
export async function renewInstallation(
  ctx: Pick<Ctx, 'db'>,
  formerKeys: FormerKeys,
  formerId?: string,
): Promise<RenewOutcome> {
  const id = randomBytes(6).toString('hex')
  return ctx.db.$transaction(async (tx): Promise<RenewOutcome> => {
    const [before] = await tx.$queryRaw<{ id: string; workers: number }[]>`
      select id, (select count(*)::int from keymint.workers
        where ${workerSeen}) as workers
      from keymint.installation for update`
    if (!before) throw new Error('The database has not been migrated: run npm run migrate first.')
    if (before.workers > 0) return { kind: 'workers-running', workers: before.workers }
    const previousId = formerId ?? before.id
    await tx.$executeRaw`update keymint.installation set id = ${id}`
    // What is not made yet is made under the new id in any case.
    await tx.$executeRaw`
      update keymint.keys set installation = ${id}
      where installation = ${previousId} and (saved_at is null or ${formerKeys === 'adopt'})`
    await recordAudit(tx, {
      actor: 'operator',
      action: 'installation.renewed',
      subject: `installation:${id}`,
      details: { previousId, formerKeys },
    })
    return { kind: 'renewed', previousId, id }
  })
}

export type FormerKey = { name: string; label: string; createdAt: string; held: boolean }

/**
 * Keys upstream under a former id, newest first, and whether a row of this database holds each. No
 * program deletes any of them.
 */
export async function listFormerKeys(
  ctx: Pick<Ctx, 'db' | 'provider'>,
  formerId: string,
): Promise<FormerKey[]> {
  const keys = (await listAllKeys(ctx.provider)).filter((key) =>
    key.name.startsWith(upstreamNamePrefix(formerId)),
  )
  const held = await ctx.db.$queryRaw<
    { hash: string }[]
  >`select hash from keymint.keys where hash = any(${keys.map((key) => key.hash)}::text[]) and deleted_at is null`
  const hashes = new Set(held.map(({ hash }) => hash))
  return keys.map((key) => ({
    name: key.name,
    label: key.label,
    createdAt: key.createdAt.toISOString(),
    held: hashes.has(key.hash),
  }))
}

/**
 * Reconcile at the services of teams, one master key at a time: keys of ours that no row holds are
 * condemned and deleted. What may be deleted is held as for claims: only a name of our own
 * mint_attempts, condemned before it is deleted; the service is listed first and the database read
 * after, so that a key saved meanwhile is seen as saved.
 */
import type { ServiceKey } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { condemn, deleteCondemned, upstreamNamePrefix } from './attempts.server'
import { openService, type OpenService } from './service.server'

export type ServiceReconcileReport = {
  /** Keys at the service that carry our installation id. */
  ours: number
  /** Condemned and deleted now. */
  deleted: number
  /** Condemned, but the service did not confirm the delete. */
  deleteFailed: number
  /** Our installation id, but no attempt of that name: a person decides. */
  unexplained: string[]
}

/** A `sent` attempt younger than this may still be saved by the worker that made it. */
const sentGraceSeconds = 60
const maxPerPass = 50

/**
 * One job for every master key with attempts whose key may still be there: one that hangs keeps
 * none of the others waiting.
 */
export async function sendServiceReconciles(ctx: Ctx): Promise<number> {
  const rows = await ctx.db.$queryRaw<{ id: string }[]>`
    select distinct m.account as id from keymint.mints m join keymint.mint_attempts a on a.mint_id = m.id
      where m.account is not null and a.deleted_at is null and a.state <> 'refused'`
  for (const { id } of rows)
    await ctx.db.$transaction((tx) =>
      ctx.queue.enqueue(tx, 'reconcile-service', { masterKeyId: id }, { singletonKey: id }),
    )
  return rows.length
}

/**
 * One pass over one master key. `dryRun` reports what a pass would delete and changes nothing.
 * Throws ProviderError if the service cannot be listed whole.
 */
export async function reconcileService(
  ctx: Ctx,
  masterKeyId: string,
  options: { dryRun?: boolean } = {},
): Promise<ServiceReconcileReport> {
  const report: ServiceReconcileReport = { ours: 0, deleted: 0, deleteFailed: 0, unexplained: [] }
  const [work] = await ctx.db.$queryRaw<{ any: boolean }[]>`
    select exists (select 1 from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
      where m.account = ${masterKeyId}::uuid) as any`
  if (!work?.any) return report
  const service = await openService(ctx, masterKeyId)
  const ours = (await service.adapter.listKeys(service.credential)).filter((key) =>
    key.name.startsWith(upstreamNamePrefix(ctx.installationId)),
  )
  report.ours = ours.length
  await removeOrphans(ctx, service, ours, report, options)
  if (!options.dryRun) await deleteKnownCondemned(ctx, service, ours, report)
  if (report.deleted + report.deleteFailed + report.unexplained.length > 0)
    ctx.log.info({ masterKeyId, report }, 'reconcile found drift at a service')
  return report
}

async function removeOrphans(
  ctx: Ctx,
  service: OpenService,
  ours: ServiceKey[],
  report: ServiceReconcileReport,
  options: { dryRun?: boolean },
): Promise<void> {
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
      report.unexplained.push(key.name)
    } else if (attempt.state !== 'saved' && !attempt.inFlight) {
      if (options.dryRun) report.deleted++
      // Condemning comes first: if a save wins instead, the key stays.
      else if (await condemn(ctx.db, attempt.id, key.id))
        await deleteAt(ctx, service, attempt.id, key.id, report)
    }
  }
}

/**
 * Condemned keys of a known id that the list did not show; one that is gone already counts as
 * deleted.
 */
async function deleteKnownCondemned(
  ctx: Ctx,
  service: OpenService,
  ours: ServiceKey[],
  report: ServiceReconcileReport,
): Promise<void> {
  const rows = await ctx.db.$queryRaw<{ id: string; keyId: string }[]>`
    select a.id, a.key_hash as "keyId" from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where m.account = ${service.masterKeyId}::uuid and a.state = 'condemned' and a.key_hash is not null
      and a.deleted_at is null
      and a.name <> all(${ours.map((key) => key.name)}::text[]) order by a.sent_at limit ${maxPerPass}::int`
  for (const { id, keyId } of rows) await deleteAt(ctx, service, id, keyId, report)
}

async function deleteAt(
  ctx: Ctx,
  { adapter, credential }: OpenService,
  attemptId: string,
  keyId: string,
  report: ServiceReconcileReport,
): Promise<void> {
  if (await deleteCondemned(ctx, attemptId, keyId, (id) => adapter.deleteKey(credential, id)))
    report.deleted++
  else report.deleteFailed++
}

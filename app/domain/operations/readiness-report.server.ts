/**
 * Reports as rows: requested on a page, made by a worker, read by the page. Only the newest finished
 * one is shown.
 */
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import {
  checkReadiness,
  testedDeployment,
  type ReadinessReport,
  type ReadinessSeverity,
} from './readiness.server'

/** A check without a report after this long will not have one: its worker is gone. */
const maxCheckSeconds = 240
const keepReports = 50

export type ReadinessView = {
  latest: (ReadinessReport & { madeBy: string }) | null
  /** Requested and not there yet; `overdue` once no worker will make it any more. */
  pending: { askedAt: string; overdue: boolean } | null
}

/**
 * Requests a report from a worker; one that is under way serves every request meanwhile. Audited.
 */
export async function askForReport(ctx: Ctx, actorUserId: string): Promise<'asked' | 'under-way'> {
  return ctx.db.$transaction(async (tx) => {
    // Two requests at once take turns here.
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('doctor', 0))`
    const [running] = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.doctor_reports where verdict is null
        and asked_at > now() - make_interval(secs => ${maxCheckSeconds}::int)`
    if (running) return 'under-way'
    const { id } = await tx.doctorReport.create({ data: { madeBy: `user:${actorUserId}` } })
    await ctx.queue.enqueue(tx, 'doctor', { reportId: id }, { singletonKey: id })
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'doctor.asked',
      subject: `doctor:${id}`,
    })
    return 'asked'
  })
}

/** Makes the report that was requested. Safe to run twice: a report is written once. */
export async function makeReport(ctx: Ctx, reportId: string): Promise<void> {
  const waiting = await ctx.db.doctorReport.findUnique({ where: { id: reportId } })
  if (!waiting || waiting.verdict !== null) return
  const report = await checkReadiness(testedDeployment(ctx), { canary: true })
  await ctx.db.$executeRaw`
    update keymint.doctor_reports
      set verdict = ${storedVerdict[report.severity]}, body = ${JSON.stringify(report)}::jsonb, made_at = now()
      where id = ${reportId}::uuid and verdict is null`
  await ctx.db.$executeRaw`
    delete from keymint.doctor_reports
      where id in (select id from keymint.doctor_reports order by asked_at desc offset ${keepReports}::int)`
  ctx.log.info(
    {
      severity: report.severity,
      found: report.checks
        .filter(({ severity }) => severity === 'error' || severity === 'warning')
        .map(({ name }) => name),
    },
    'checked readiness',
  )
}

/** Stores a report made on the command line, so that the page shows it too. */
export async function keepReport(
  db: Ctx['db'],
  madeBy: AuditActor,
  report: ReadinessReport,
): Promise<void> {
  await db.doctorReport.create({
    data: {
      madeBy,
      madeAt: new Date(report.madeAt),
      verdict: storedVerdict[report.severity],
      body: report,
    },
  })
}

/** What the page shows. The provider is not asked. */
export async function readReadinessView(ctx: Pick<Ctx, 'db'>): Promise<ReadinessView> {
  const [latest, [pending]] = await Promise.all([
    ctx.db.doctorReport.findFirst({
      where: { verdict: { not: null } },
      orderBy: { madeAt: 'desc' },
    }),
    ctx.db.$queryRaw<{ askedAt: Date; overdue: boolean }[]>`
      select asked_at as "askedAt",
        asked_at < now() - make_interval(secs => ${maxCheckSeconds}::int) as overdue
      from keymint.doctor_reports r where verdict is null
        and not exists (select 1 from keymint.doctor_reports later where later.made_at > r.asked_at)
      order by asked_at desc limit 1`,
  ])
  return {
    latest: latest && reportOf(latest),
    pending: pending ? { askedAt: pending.askedAt.toISOString(), overdue: pending.overdue } : null,
  }
}

/** The words of the column's check constraint. */
const storedVerdict: Record<ReadinessSeverity, string> = {
  ok: 'ok',
  warning: 'warn',
  error: 'fail',
}

/**
 * A report that an older version stored holds sentences and no codes: it counts as none, and the
 * page asks for a new check.
 */
function reportOf(row: { body: unknown; madeBy: string }): ReadinessView['latest'] {
  const report = row.body as ReadinessReport
  if (!report.checks.every((check) => Array.isArray(check.findings))) return null
  return { ...report, madeBy: row.madeBy }
}

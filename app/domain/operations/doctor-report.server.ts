/**
 * Reports as rows: asked for on a page, made by a worker, read by the page. The newest finished one
 * is what counts.
 */
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { patientOf, runDoctor, type DoctorReport } from './doctor.server'

/**
 * A check that was asked for and has no report after this long will not have one: its worker is
 * gone.
 */
const longestCheckSeconds = 240
const keepReports = 50

export type DoctorView = {
  latest: (DoctorReport & { madeBy: string }) | null
  /** Asked for and not there yet; `overdue` once nobody will make it any more. */
  pending: { askedAt: string; overdue: boolean } | null
}

/**
 * Asks a worker for a report; one that is on its way serves everybody who asks meanwhile. Audited.
 */
export async function askForReport(ctx: Ctx, actorUserId: string): Promise<'asked' | 'under-way'> {
  return ctx.db.$transaction(async (tx) => {
    // Two presses at once take turns here.
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('doctor', 0))`
    const [running] = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.doctor_reports where verdict is null
        and asked_at > now() - make_interval(secs => ${longestCheckSeconds}::int)`
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

/** Makes the report that was asked for. Safe to run twice: a report is written once. */
export async function makeReport(ctx: Ctx, reportId: string): Promise<void> {
  const waiting = await ctx.db.doctorReport.findUnique({ where: { id: reportId } })
  if (!waiting || waiting.verdict !== null) return
  const report = await runDoctor(patientOf(ctx), { canary: true })
  await ctx.db.$executeRaw`
    update keymint.doctor_reports
      set verdict = ${report.verdict}, body = ${JSON.stringify(report)}::jsonb, made_at = now()
      where id = ${reportId}::uuid and verdict is null`
  await ctx.db.$executeRaw`
    delete from keymint.doctor_reports
      where id in (select id from keymint.doctor_reports order by asked_at desc offset ${keepReports}::int)`
  ctx.log.info(
    {
      verdict: report.verdict,
      found: report.checks
        .filter(({ verdict }) => verdict === 'fail' || verdict === 'warn')
        .map(({ name }) => name),
    },
    'the doctor has a report',
  )
}

/** Keeps a report made on the command line, so that the page shows it too. */
export async function keepReport(
  db: Ctx['db'],
  madeBy: AuditActor,
  report: DoctorReport,
): Promise<void> {
  await db.doctorReport.create({
    data: { madeBy, madeAt: new Date(report.madeAt), verdict: report.verdict, body: report },
  })
}

/** What the page shows. Asks nothing upstream. */
export async function readDoctorView(ctx: Pick<Ctx, 'db'>): Promise<DoctorView> {
  const [latest, [pending]] = await Promise.all([
    ctx.db.doctorReport.findFirst({
      where: { verdict: { not: null } },
      orderBy: { madeAt: 'desc' },
    }),
    ctx.db.$queryRaw<{ askedAt: Date; overdue: boolean }[]>`
      select asked_at as "askedAt",
        asked_at < now() - make_interval(secs => ${longestCheckSeconds}::int) as overdue
      from keymint.doctor_reports r where verdict is null
        and not exists (select 1 from keymint.doctor_reports later where later.made_at > r.asked_at)
      order by asked_at desc limit 1`,
  ])
  return {
    latest: latest ? { ...(latest.body as unknown as DoctorReport), madeBy: latest.madeBy } : null,
    pending: pending ? { askedAt: pending.askedAt.toISOString(), overdue: pending.overdue } : null,
  }
}

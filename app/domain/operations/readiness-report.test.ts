/** Reports as rows: requested, made once, overdue, and those that an older version stored. */
import { expect, test } from 'vitest'
import { readyWorld } from '../../../tests/readiness'
import { askForReport, makeReport, readReadinessView } from './readiness-report.server'

test('a requested report is made by a worker, once and audited, and two requests are one', async () => {
  await using world = await readyWorld()
  expect(await readReadinessView(world.ctx)).toEqual({ latest: null, pending: null })
  expect(
    await Promise.all([askForReport(world.ctx, 'github:1'), askForReport(world.ctx, 'github:2')]),
  ).toEqual(expect.arrayContaining(['asked', 'under-way']))
  expect((await readReadinessView(world.ctx)).pending).toMatchObject({ overdue: false })
  await world.startWorkerHere()
  await expect
    .poll(async () => (await readReadinessView(world.ctx)).latest?.severity, { timeout: 30_000 })
    .toBe('ok')
  expect((await readReadinessView(world.ctx)).pending).toBeNull()
  const [row] = await world.db.doctorReport.findMany()
  await makeReport(world.ctx, row!.id)
  expect(await world.db.doctorReport.findMany()).toEqual([row])
  expect(await world.db.auditEvent.count({ where: { action: 'doctor.asked' } })).toBe(1)
})

test('a report whose worker died is overdue and can be requested again', async () => {
  await using world = await readyWorld()
  await askForReport(world.ctx, 'github:1')
  await world.db
    .$executeRaw`update keymint.doctor_reports set asked_at = asked_at - interval '5 minutes'`
  expect((await readReadinessView(world.ctx)).pending).toMatchObject({ overdue: true })
  expect(await askForReport(world.ctx, 'github:1')).toBe('asked')
})

test('a report that an older version stored as sentences counts as none', async () => {
  await using world = await readyWorld()
  await world.db.doctorReport.create({
    data: {
      madeBy: 'operator',
      madeAt: new Date(),
      verdict: 'ok',
      body: {
        verdict: 'ok',
        madeAt: new Date().toISOString(),
        checks: [{ name: 'database', verdict: 'ok', words: 'It answers.', remedy: null }],
      },
    },
  })
  expect(await readReadinessView(world.ctx)).toEqual({ latest: null, pending: null })
})

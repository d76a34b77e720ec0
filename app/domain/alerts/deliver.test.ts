/** Deliveries: at least once, under one id, whoever dies between deciding, sending and recording. */
import { expect, test } from 'vitest'
import { alertSecret, receiveAlerts } from '../../../tests/alert-receiver'
import { openWorld, type World } from '../../../tests/world'
import { alertPost } from '~/messages/alert-posts'
import { startAlertWatch } from '~/alert-watch'
import { ofDeployment } from '~/adapters/alert-channels.server'
import { backoffSeconds, maxTries, type Condition } from './alert'
import { deliver, deliverDue, sendDeliveriesAgain, type Delivering } from './deliver.server'
import { deleteOldAlerts, readAlertsView } from './read.server'
import { retryDelivery, sendTest } from './requests.server'
import { trackConditions } from './track.server'

const noWorker: Condition = {
  kind: 'no-worker',
  subject: '',
  threshold: 'none',
  rank: 1,
  severity: 'error',
  facts: {
    finding: {
      code: 'no-worker',
      quietSeconds: 75,
      severity: 'error',
      help: 'outside',
      since: null,
      asOf: null,
      workshop: null,
    },
  },
  holdSeconds: 0,
  clearSeconds: 60,
}
const raise = (world: World) =>
  world.db.$transaction((tx) =>
    trackConditions(world.ctx, tx, { name: 'staff', recipients: world.ctx.alerts.staff }, [
      noWorker,
    ]),
  )
const delivering: Delivering = {
  compose: (message) => alertPost(message, 'https://keys.example.org'),
  reach: () => Promise.resolve(null),
}
const only = (world: World) => world.db.alertDelivery.findFirstOrThrow()
const until = (check: () => Promise<boolean>) => expect.poll(check, { timeout: 15_000 }).toBe(true)

test('a worker delivers what was decided, with numbers, the next step and a link', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  await world.startWorkerHere()
  await raise(world)
  await until(async () => (await only(world)).state === 'sent')
  const row = await only(world)
  expect(row).toMatchObject({ tries: 1, status: 200, reason: null, answer: 'answer 200' })
  const got = receiver.received.filter(({ json }) => json.id === row.id)
  expect(got).toHaveLength(1)
  expect(got[0]?.json).toMatchObject({
    event: 'raised',
    severity: 'error',
    title: 'Error: No worker is running',
    text: 'No worker has reported for 75 s, so no keys are created.',
    nextStep: 'Check the worker processes.',
    url: 'http://localhost:3000/admin/queue',
    alert: { kind: 'no-worker', threshold: 'none', workshop: null },
  })
})

test('a receiver that fails gets the same message with the same id until it accepts it', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  receiver.answers.push(500, 503)
  await raise(world)
  const { id } = await only(world)
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({
    kind: 'snooze',
    seconds: 5,
    error: { reason: 'server-error', status: 500 },
  })
  expect(await only(world)).toMatchObject({ state: 'waiting', tries: 1, status: 500 })
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({ kind: 'snooze', seconds: 10 })
  expect(await deliver(world.ctx, id, delivering)).toEqual({ kind: 'done' })
  expect(await deliver(world.ctx, id, delivering), 'it is delivered').toEqual({ kind: 'done' })
  expect(receiver.received.map(({ body }) => body)).toEqual(
    Array(3).fill(receiver.received[0]!.body),
  )
  expect(receiver.received.map(({ headers }) => headers['keymint-delivery'])).toEqual([id, id, id])
  expect(await only(world)).toMatchObject({ state: 'sent', tries: 3, reason: null })
  expect((await world.ctx.metrics.scrape()).text).toContain(
    'keymint_alert_tries_total{channel="webhook",outcome="retry"} 2',
  )
})

test('after an hour of failures it has failed, and staff can retry it under its id', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  receiver.answers.push(...Array<number>(maxTries).fill(500))
  await raise(world)
  const { id } = await only(world)
  for (let tries = 1; tries < maxTries; tries++)
    expect((await deliver(world.ctx, id, delivering)).kind).toBe('snooze')
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({ kind: 'done', error: {} })
  expect(await only(world)).toMatchObject({ state: 'failed', tries: maxTries })
  const spans = Array.from({ length: maxTries - 1 }, (_, index) => backoffSeconds(index + 1))
  expect(spans.reduce((sum, one) => sum + one) / 60).toBeGreaterThan(45)
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => retryDelivery(world.ctx, 'github:staff', id)),
  )
  expect(answers.sort()).toEqual(['not-failed', 'not-failed', 'not-failed', 'retrying'])
  expect(await world.db.auditEvent.count({ where: { action: 'alert.retried' } })).toBe(1)
  expect(await deliver(world.ctx, id, delivering)).toEqual({ kind: 'done' })
  expect(receiver.received.at(-1)?.json.id).toBe(id)
})

test('a refusal that stays one fails at once', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  receiver.answers.push(404)
  await raise(world)
  const { id } = await only(world)
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({ kind: 'done', error: {} })
  expect(await only(world)).toMatchObject({ state: 'failed', status: 404, tries: 1 })
})

test('what no sentence can be made of any more has failed, and is not tried for ever', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  await raise(world)
  const { id } = await only(world)
  await world.db.$executeRaw`update keymint.alert_deliveries set notice = '{"kind": "gone"}'`
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({ kind: 'done', error: {} })
  expect(await only(world)).toMatchObject({ state: 'failed', reason: 'unreadable' })
})

test('two processes never send one message at once', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  receiver.answers.push((response) => void setTimeout(() => response.end('slow'), 500))
  await raise(world)
  const { id } = await only(world)
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, () => deliver(world.ctx, id, delivering)),
  )
  expect(receiver.received).toHaveLength(1)
  expect(outcomes.filter(({ kind }) => kind === 'snooze')).toHaveLength(5)
})

test('a process that dies after it has decided, or after it has sent, loses nothing', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  await raise(world)
  const { id } = await only(world)
  // The job is lost: the sweep sends it again, once.
  await world.db.$executeRaw`delete from pgboss.job where name = 'deliver-alert'`
  expect(await sendDeliveriesAgain(world.ctx)).toBe(0)
  await world.travel(6_000)
  expect(await sendDeliveriesAgain(world.ctx)).toBe(1)
  expect(await sendDeliveriesAgain(world.ctx)).toBe(0)
  // It dies between sending and recording: what is left is the lease.
  const dying = {
    ...world.ctx,
    alerts: {
      ...world.ctx.alerts,
      send: async (...args: Parameters<typeof world.ctx.alerts.send>) => {
        await world.ctx.alerts.send(...args)
        throw new Error('killed')
      },
    },
  }
  await expect(deliver(dying, id, delivering)).rejects.toThrow('killed')
  expect(await deliver(world.ctx, id, delivering)).toMatchObject({
    kind: 'snooze',
    reason: 'in-flight',
  })
  expect(receiver.received).toHaveLength(1)
  await world.travel(61_000)
  expect(await deliver(world.ctx, id, delivering)).toEqual({ kind: 'done' })
  expect(receiver.received.map(({ json }) => json.id)).toEqual([id, id])
  expect(await only(world)).toMatchObject({ state: 'sent', tries: 2 })
})

test('without any worker, web says so itself and delivers', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world)
  await using watch = {
    ...startAlertWatch(world.ctx, 50),
    [Symbol.asyncDispose]: () => watch.stop(),
  }
  await until(async () => (await world.db.alert.count()) > 0)
  await world.travel(31_000)
  await until(async () => receiver.received.length > 0)
  expect(receiver.received[0]?.json).toMatchObject({
    title: 'Error: No worker is running',
    text: 'No worker has ever reported, so no keys are created.',
  })
  await world.db.$executeRaw`insert into keymint.workers (id, slots) values ('back', 8)`
  await world.travel(15_000)
  await until(async () => (await world.db.alert.count({ where: { goneAt: { not: null } } })) > 0)
  await world.travel(61_000)
  await until(async () => (await world.db.alert.count({ where: { state: 'resolved' } })) > 0)
  // The worker is there again: the resolved message is its job.
  expect(receiver.received).toHaveLength(1)
  expect(await deliverDue(world.ctx, delivering)).toBe(1)
  expect(receiver.received[1]?.json).toMatchObject({
    event: 'resolved',
    title: 'Resolved: No worker is running',
  })
})

test('a test goes out at once in quiet hours too, to a channel that is configured', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world, {
    quietHours: { from: 0, to: 1_439, zone: 'UTC', text: 'all day' },
  })
  const to = { channel: 'webhook', address: ofDeployment } as const
  const id = await sendTest(world.ctx, 'github:staff', to)
  expect(await sendTest(world.ctx, 'github:staff', { ...to, channel: 'slack' })).toBeNull()
  expect(await deliver(world.ctx, id!, delivering)).toEqual({ kind: 'done' })
  expect(receiver.received[0]?.json).toMatchObject({ id, event: 'test', alert: null })
  expect(await world.db.auditEvent.count({ where: { action: 'alert.test-sent' } })).toBe(1)
})

test('the page, the rows and the jobs hold neither the address nor the secret', async () => {
  await using world = await openWorld()
  const receiver = await receiveAlerts(world, {
    slackUrl: 'https://hooks.example.org/services/T0/very-secret-path',
  })
  await raise(world)
  const view = await readAlertsView(world.ctx)
  expect(view.channels.map(({ place }) => place)).toEqual([
    new URL(receiver.url).host,
    'hooks.example.org',
  ])
  const jobs = await world.db.$queryRaw`select data from pgboss.job where name = 'deliver-alert'`
  const rows = await world.db.alertDelivery.findMany()
  const all = JSON.stringify([view, jobs, rows]) + world.logLines.join('\n')
  for (const secret of [alertSecret, '/hook', 'very-secret-path']) expect(all).not.toContain(secret)
})

test('alerts and messages are kept for 90 days', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  await raise(world)
  const { id } = await only(world)
  await deliver(world.ctx, id, delivering)
  await world.db
    .$executeRaw`update keymint.alerts set state = 'resolved', resolved_at = keymint.now()`
  await world.travel(89 * 86_400_000)
  expect(await deleteOldAlerts(world.ctx)).toBe(0)
  await world.travel(2 * 86_400_000)
  expect(await deleteOldAlerts(world.ctx)).toBe(2)
})

test('who is no longer configured is sent nothing that waited', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  const ctx = {
    ...world.ctx,
    alerts: {
      ...world.ctx.alerts,
      staff: [{ channel: 'mail' as const, address: 'ada@example.org' }],
      send: () => Promise.reject(new Error('nothing is sent')),
    },
  }
  await raise({ ...world, ctx })
  ctx.alerts.staff = []
  const { id } = await only(world)
  expect(await deliver(ctx, id, delivering)).toMatchObject({ error: { reason: 'not-configured' } })
  expect(await only(world)).toMatchObject({ state: 'failed', address: 'ada@example.org' })
})

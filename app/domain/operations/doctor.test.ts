/**
 * The doctor against the stand-ins: green when all is well, and for each thing that can be wrong it
 * names that thing.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { reconcileKeys } from '../keys/reconcile.server'
import { ensureGuardrail } from '../keys/guardrail.server'
import { freePort } from '../../../simulators/free-port'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/harness'
import type { Workshop } from '../workshop-file'
import type { CheckName, Patient } from './doctor-check'
import { patientOf, runDoctor } from './doctor.server'
import { askForReport, makeReport, readDoctorView } from './doctor-report.server'

const room = (change: Partial<Workshop> = {}) =>
  makeWorkshop({ poolLimit: usd(300), maxKeys: 150, ...change })

/**
 * A deployment with nothing to complain about: a worker that reports, a guardrail, two providers
 * that answer.
 */
async function healthyWorld(workshop = room()) {
  const world = await openWorld({ workshops: [workshop] })
  await world.db.worker.create({ data: { id: 'one', slots: 8 } })
  await ensureGuardrail(world.ctx, workshop.slug)
  const provider = await answering(302)
  world.onClose(provider.stop)
  world.ctx.deployment = {
    appOrigin: 'https://keys.example.org',
    signIn: [
      {
        provider: 'GitHub',
        authorizeUrl: provider.url,
        redirectUri: 'https://keys.example.org/auth/github/callback',
      },
    ],
    weakSecrets: [],
  }
  return world
}

async function answering(status: number) {
  const server = createServer(
    (_request, response) =>
      void response.writeHead(status, { location: 'https://elsewhere.invalid/' }).end(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/authorize?client_id=x`,
    stop: async () => void server.close(),
  }
}

async function examine(patient: Patient, options = { canary: false }) {
  const report = await runDoctor(patient, options)
  const verdicts = Object.fromEntries(
    report.checks.map(({ name, verdict }) => [name, verdict]),
  ) as Record<CheckName, string>
  const found = (name: CheckName) => report.checks.find((check) => check.name === name)!
  return {
    report,
    verdicts,
    found,
    bad: report.checks
      .filter(({ verdict }) => verdict === 'warn' || verdict === 'fail')
      .map(({ name }) => name),
  }
}

const everyKey = (world: World) =>
  world.call<{ keys: { name: string; limit: number }[]; live: number; count: number }>(
    '/__sim/keys',
  )

test('a healthy deployment is ready, canary included, and leaves no key behind', async () => {
  await using world = await healthyWorld()
  const { report, bad } = await examine(patientOf(world.ctx), { canary: true })
  expect(report.checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  expect([report.verdict, bad, report.checks.length]).toEqual(['ok', [], 16])
  const keys = await everyKey(world)
  expect([keys.count, keys.live, keys.keys[0]!.limit]).toEqual([1, 0, 0.01])
  expect(keys.keys[0]!.name).toMatch(new RegExp(`^km-doctor/${world.ctx.installationId}/`))
  expect(await world.db.doctorCanary.findMany({ where: { deletedAt: null } })).toEqual([])
  expect(JSON.stringify(report)).not.toMatch(/sk-or-/)
})

test('an ordinary key in place of a management key is named, and what needs it is skipped', async () => {
  await using world = await healthyWorld()
  const { plaintext } = await world.ctx.provider.createKey({
    name: 'ordinary',
    limit: usd(1),
    limitReset: null,
    expiresAt: new Date(Date.now() + 3_600_000),
  })
  const provider = createOpenRouter({ baseUrl: world.upstream.baseUrl, managementKey: plaintext })
  const { found, verdicts, bad } = await examine(
    { ...patientOf(world.ctx), provider },
    { canary: true },
  )
  expect(bad).toEqual(['management-key'])
  expect(found('management-key').words).toContain('without management rights')
  expect([verdicts.credits, verdicts.guardrails, verdicts.canary]).toEqual([
    'skipped',
    'skipped',
    'skipped',
  ])
})

test('a revoked management key is named', async () => {
  await using world = await healthyWorld()
  const provider = createOpenRouter({
    baseUrl: world.upstream.baseUrl,
    managementKey: `sk-or-v1-${'0'.repeat(64)}`,
  })
  const { found, verdicts } = await examine({ ...patientOf(world.ctx), provider })
  expect(verdicts['management-key']).toBe('fail')
  expect(found('management-key').words).toContain('401')
})

test.each([
  { credits: 299, verdict: 'warn', words: 'does not cover the worst case' },
  { credits: 149, verdict: 'fail', words: 'less than half of the worst case' },
  { credits: 0, verdict: 'fail', words: 'no credit' },
])(
  'credits of $credits against a worst case of 300 are a $verdict, with the figures',
  async ({ credits, verdict, words }) => {
    await using world = await healthyWorld()
    await world.faults({ credits })
    const { found, bad } = await examine(patientOf(world.ctx))
    expect(bad).toContain('credits')
    expect(found('credits').verdict).toBe(verdict)
    expect(found('credits').words).toContain(words)
    expect(found('credits').words).toContain(`$${credits}.00 of credit left`)
    expect(found('credits').words).toContain('$300.00 at worst')
  },
)

test('what a pool owes after its workshop has closed counts too, and what was used already does not', async () => {
  await using world = await healthyWorld()
  await world.db.pool.createMany({
    data: [
      { workshopSlug: 'over', committedUsd: 40, seats: 20 },
      { workshopSlug: 'test-workshop', committedUsd: 100, seats: 50 },
    ],
  })
  const [person] = await world.people(1)
  await world.db.workshopAttendance.create({
    data: {
      userId: person!.userId,
      workshopSlug: 'test-workshop',
      provider: 'github',
      limitUsd: 2,
      expiresAt: new Date(Date.now() + 3_600_000),
      allowedModels: [],
      usageUsd: 25,
      committedUsd: 100,
    },
  })
  const { found } = await examine(patientOf(world.ctx))
  expect(found('credits').words).toContain(
    'can spend $315.00 at worst (test-workshop $275.00, over $40.00)',
  )
  // Ended by staff: its keys may still use what they were given, and nothing more is given.
  await world.db.workshopEnd.create({ data: { slug: 'test-workshop', endedBy: 'github:1' } })
  expect((await examine(patientOf(world.ctx))).found('credits').words).toContain(
    'can spend $115.00 at worst (test-workshop $75.00, over $40.00)',
  )
})

test('a model that the provider does not have is named with its workshop', async () => {
  await using world = await healthyWorld()
  world.ctx.workshops.workshops.set(
    'typo',
    room({ slug: 'typo', allowedModels: ['openai/gpt-5-nano', 'openai/gpt-55-nano'] }),
  )
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toContain('models')
  expect(found('models').words).toContain('typo allows openai/gpt-55-nano,')
})

test('a guardrail that was changed at the provider is named with every difference', async () => {
  await using world = await healthyWorld()
  const [guardrail] = await world.ctx.provider.listGuardrails()
  await world.ctx.provider.updateGuardrail(guardrail!.id, {
    name: guardrail!.name,
    description: '',
    limit: usd(7),
    allowedModels: ['anthropic/claude-opus-4.6'],
  })
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toEqual(['guardrails'])
  expect(found('guardrails').verdict).toBe('fail')
  expect(found('guardrails').words).toMatch(
    /workshop-test-workshop differs from its file: it also allows anthropic\/claude-opus-4\.6-\d+; it does not allow openai\/gpt-5-nano-\d+; its limit is \$7\.00 and not \$300\.00/,
  )
})

test('a database that is down is named, and everything that does not need it is still checked', async () => {
  await using world = await healthyWorld()
  const db = createDb(`postgresql://nobody:nothing@127.0.0.1:${await freePort()}/nothing`, {
    max: 1,
    applicationName: 'test',
  })
  const { verdicts, bad } = await examine({ ...patientOf(world.ctx), db }, { canary: true })
  expect(bad).toEqual(['database'])
  expect(verdicts).toMatchObject({
    migrations: 'skipped',
    queue: 'skipped',
    worker: 'skipped',
    canary: 'skipped',
    'management-key': 'ok',
    credits: 'ok',
    models: 'ok',
    guardrails: 'ok',
    clock: 'ok',
  })
})

test('a migration that is missing is named, and so is one that this build does not know', async () => {
  await using world = await healthyWorld()
  const missing = await examine({
    ...patientOf(world.ctx),
    migrations: [...world.ctx.migrations, '20990101000000_tomorrow'],
  })
  expect(missing.bad).toEqual(['migrations'])
  expect(missing.found('migrations').words).toContain('20990101000000_tomorrow')
  expect([missing.verdicts.worker, missing.verdicts.canary]).toEqual(['skipped', 'skipped'])
  const behind = await examine({
    ...patientOf(world.ctx),
    migrations: world.ctx.migrations.slice(0, -1),
  })
  expect(behind.found('migrations')).toMatchObject({
    verdict: 'warn',
    words: expect.stringContaining(world.ctx.migrations.at(-1)!) as string,
  })
  await world.db.$executeRaw`drop table keymint._prisma_migrations`
  expect((await examine(patientOf(world.ctx))).found('migrations').words).toBe(
    'The database was never migrated.',
  )
})

test('clocks that disagree are named with whose is off and by how much', async () => {
  await using world = await healthyWorld()
  await world.call('/__sim/clock', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ offsetMs: 90_000 }),
  })
  const fast = await examine(patientOf(world.ctx))
  expect(fast.bad).toEqual(['clock'])
  expect(fast.found('clock')).toMatchObject({
    verdict: 'fail',
    words: expect.stringMatching(
      /database’s clock is within a second, the provider’s clock is (89|90|91) s ahead/,
    ) as string,
  })
  await world.call('/__sim/clock', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ offsetMs: 0 }),
  })
  world.moveClock(20_000)
  const own = await examine(patientOf(world.ctx))
  expect(own.found('clock')).toMatchObject({
    verdict: 'warn',
    words: expect.stringMatching(
      /database’s clock is (19|20) s behind, the provider’s clock is (19|20|21) s behind/,
    ) as string,
  })
})

test('queues and schedules that migrate has not made are named', async () => {
  await using world = await healthyWorld()
  await world.db.$executeRaw`delete from pgboss.schedule where name = 'sync-usage'`
  await world.db.$executeRaw`update pgboss.queue set policy = 'standard' where name = 'mint-key'`
  await world.db.$executeRaw`update pgboss.version set version = version - 1`
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toEqual(['queue'])
  expect(found('queue').words).toMatch(
    /of version \d+, this build needs \d+\. Queues were made under another policy: mint-key\. Schedules are missing: sync-usage\./,
  )
})

test('no worker, a pause and the switch are each named', async () => {
  await using world = await healthyWorld()
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '5 minutes'`
  await world.db
    .$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'Back in ten minutes.'`
  world.ctx.settings.provisioningEnabled = false
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toEqual(['worker', 'switch'])
  expect(found('worker').words).toMatch(/No worker was seen for (299|30\d) s/)
  expect(found('switch').words).toBe(
    'PROVISIONING_ENABLED is not “true”: nobody gets a key. Minting is paused: “Back in ten minutes.”.',
  )
})

test('a room that would stop at the in-flight budget, and models that all keys share, are named', async () => {
  await using world = await healthyWorld(
    room({ allowedModels: ['anthropic/claude-opus-4.6', 'deepseek/deepseek-r1-0528:free'] }),
  )
  await world.faults({ credits: 400 })
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toEqual(['in-flight'])
  expect(found('in-flight').words).toContain('free models are limited for the whole account')
  expect(found('in-flight').words).toContain('counted as $3.20, more than a key’s $2.00')
  expect(found('in-flight').words).toContain(
    'all 150 of test-workshop send one request to anthropic/claude-opus-4.6 at once without max_tokens, $480.00 are under way, and $400.00 are there',
  )
})

test('a provider of sign-in that does not answer, or refuses the app, is named with the address to register', async () => {
  await using world = await healthyWorld()
  const refusing = await answering(404)
  world.onClose(refusing.stop)
  const redirectUri = 'https://keys.example.org/auth/google/callback'
  world.ctx.deployment.signIn.push(
    { provider: 'Google', authorizeUrl: refusing.url, redirectUri },
    { provider: 'Nobody', authorizeUrl: `http://127.0.0.1:${await freePort()}/`, redirectUri },
  )
  const { found } = await examine(patientOf(world.ctx))
  expect(found('sign-in').words).toContain(
    `Google answers 404 to a sign-in: it may not know the client id, or not ${redirectUri}.`,
  )
  expect(found('sign-in').words).toMatch(/Nobody does not answer at .* \(ECONNREFUSED\)/)
})

test('keys sealed with a key that is no longer configured are counted and its id is named', async () => {
  await using world = await healthyWorld()
  const [person] = await world.people(1)
  await world.db.workshopAttendance.create({
    data: {
      userId: person!.userId,
      workshopSlug: 'test-workshop',
      provider: 'github',
      state: 'ready',
      orKeyHash: 'h',
      keySavedAt: new Date(),
      orKeyPlaintext: 'v1.deadbeef.x.y',
      limitUsd: 2,
      expiresAt: new Date(Date.now() + 3_600_000),
      allowedModels: [],
    },
  })
  const { found, bad } = await examine(patientOf(world.ctx))
  expect(bad).toEqual(['secrets'])
  expect(found('secrets').words).toContain(
    '1 key cannot be shown to its owner: sealed with a key that ENCRYPTION_KEY no longer holds (deadbeef)',
  )
})

test.each([
  {
    rules: [{ match: 'POST /keys', fault: '402' }],
    words: 'No key could be made. POST /keys: no-credit (402)',
    keys: 0,
  },
  {
    rules: [{ match: 'POST /keys', fault: 'reset-after' }],
    words: 'No key could be made. POST /keys: connection-lost',
    keys: 1,
  },
  {
    rules: [{ match: 'POST /guardrails/*/assignments/keys', fault: 'undercount', skip: 1 }],
    words: 'The key was not bound',
    keys: 1,
  },
  {
    rules: [{ match: 'POST /guardrails/*/assignments/keys', fault: '403' }],
    words: 'A key can be made but not bound',
    keys: 1,
  },
  {
    rules: [{ match: 'GET /keys/*', fault: '500', times: 1 }],
    words: 'A key was made but could not be read back',
    keys: 1,
  },
])(
  'a canary that meets $rules.0.fault says what failed and is removed all the same',
  async ({ rules, words, keys }) => {
    await using world = await healthyWorld()
    await world.faults({ rules })
    const { found } = await examine(patientOf(world.ctx), { canary: true })
    expect(found('canary')).toMatchObject({
      verdict: 'fail',
      words: expect.stringContaining(words) as string,
    })
    const after = await everyKey(world)
    expect([after.count, after.live]).toEqual([keys, 0])
  },
)

test('a canary that could not be deleted is removed by the next doctor, and reconcile never takes it for ours', async () => {
  await using world = await healthyWorld()
  await world.faults({ rules: [{ match: 'DELETE /keys/*', fault: '500' }] })
  expect((await examine(patientOf(world.ctx), { canary: true })).found('canary')).toMatchObject({
    verdict: 'warn',
    words: expect.stringContaining('could not be deleted yet') as string,
  })
  await world.clearFaults()
  // Reconcile sleeps until there was a mint.
  await world.db.mint.create({
    data: {
      holderKind: 'claim',
      holderId: crypto.randomUUID(),
      generation: 1,
      scope: 'test-workshop',
      state: 'cancelled',
      limitUsd: 1,
      expiresAt: new Date(),
      allowedModels: [],
      mintAttempts: {
        create: {
          id: crypto.randomUUID(),
          token: crypto.randomUUID(),
          name: 'never-sent',
          state: 'refused',
        },
      },
    },
  })
  expect(await reconcileKeys(world.ctx)).toMatchObject({ ours: 0, deleted: 0, unexplained: [] })
  expect((await everyKey(world)).live).toBe(1)
  await world.db
    .$executeRaw`update keymint.doctor_canaries set sent_at = sent_at - interval '10 minutes'`
  expect((await examine(patientOf(world.ctx), { canary: true })).verdicts.canary).toBe('ok')
  expect((await everyKey(world)).live).toBe(0)
  expect(await world.db.doctorCanary.count({ where: { deletedAt: null } })).toBe(0)
})

test('what is asked for on the page is made by a worker, once, audited, and two presses are one', async () => {
  await using world = await healthyWorld()
  expect(await readDoctorView(world.ctx)).toEqual({ latest: null, pending: null })
  expect(
    await Promise.all([askForReport(world.ctx, 'github:1'), askForReport(world.ctx, 'github:2')]),
  ).toEqual(expect.arrayContaining(['asked', 'under-way']))
  expect((await readDoctorView(world.ctx)).pending).toMatchObject({ overdue: false })
  await world.startWorkerHere()
  await expect
    .poll(async () => (await readDoctorView(world.ctx)).latest?.verdict, { timeout: 30_000 })
    .toBe('ok')
  expect((await readDoctorView(world.ctx)).pending).toBeNull()
  const [row] = await world.db.doctorReport.findMany()
  await makeReport(world.ctx, row!.id)
  expect(await world.db.doctorReport.findMany()).toEqual([row])
  expect(await world.db.auditEvent.count({ where: { action: 'doctor.asked' } })).toBe(1)
})

test('a report whose worker died is overdue, and can be asked for again', async () => {
  await using world = await healthyWorld()
  await askForReport(world.ctx, 'github:1')
  await world.db
    .$executeRaw`update keymint.doctor_reports set asked_at = asked_at - interval '5 minutes'`
  expect((await readDoctorView(world.ctx)).pending).toMatchObject({ overdue: true })
  expect(await askForReport(world.ctx, 'github:1')).toBe('asked')
})

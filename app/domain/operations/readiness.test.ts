/** The readiness check against the stand-ins: each thing that can be wrong is named. */
import { expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { freePort } from '../../../simulators/free-port'
import { applyKey } from '~/domain/keys/apply.server'
import { readyClaims } from '../../../tests/claims'
import { readAll } from '../../../tests/engine'
import { openTeam } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { answering, bigWorkshop, everyKey, examine, readyWorld } from '../../../tests/readiness'
import { testedDeployment } from './readiness.server'

test('a ready deployment passes, canary included, and leaves no key behind', async () => {
  await using world = await readyWorld()
  const { report, bad } = await examine(testedDeployment(world.ctx), { canary: true })
  expect(report.checks.filter(({ severity }) => severity !== 'ok')).toEqual([])
  expect([report.severity, bad, report.checks.length]).toEqual(['ok', [], 19])
  const keys = await everyKey(world)
  expect([keys.count, keys.live, keys.keys[0]!.limit]).toEqual([1, 0, 0.01])
  expect(keys.keys[0]!.name).toMatch(new RegExp(`^km-doctor/${world.ctx.installationId}/`))
  expect(await world.db.doctorCanary.findMany({ where: { deletedAt: null } })).toEqual([])
  expect(JSON.stringify(report)).not.toMatch(/sk-or-/)
})

test('an ordinary key in place of a management key is named, and what needs it is skipped', async () => {
  await using world = await readyWorld()
  const { plaintext } = await world.ctx.provider.createKey({
    name: 'ordinary',
    limit: usd(1),
    limitReset: null,
    expiresAt: new Date(Date.now() + 3_600_000),
  })
  const provider = createOpenRouter({ baseUrl: world.upstream.baseUrl, managementKey: plaintext })
  const { found, severities, bad } = await examine(
    { ...testedDeployment(world.ctx), provider },
    { canary: true },
  )
  expect(bad).toEqual(['management-key'])
  expect(found('management-key').sentence).toContain('without management rights')
  expect([severities.credits, severities.guardrails, severities.canary]).toEqual([
    'skipped',
    'skipped',
    'skipped',
  ])
})

test('a revoked management key is named', async () => {
  await using world = await readyWorld()
  const provider = createOpenRouter({
    baseUrl: world.upstream.baseUrl,
    managementKey: `sk-or-v1-${'0'.repeat(64)}`,
  })
  const { found, severities } = await examine({ ...testedDeployment(world.ctx), provider })
  expect(severities['management-key']).toBe('error')
  expect(found('management-key').sentence).toContain('401')
})

test.each([
  { credits: 299, severity: 'warning', sentence: 'does not cover the worst case' },
  { credits: 149, severity: 'error', sentence: 'less than half of the worst case' },
  { credits: 0, severity: 'error', sentence: 'no credit' },
])(
  'credits of $credits against a worst case of 300 are a $severity, with the amounts',
  async ({ credits, severity, sentence }) => {
    await using world = await readyWorld()
    await world.faults({ credits })
    const { found, bad } = await examine(testedDeployment(world.ctx))
    expect(bad).toContain('credits')
    expect(found('credits').severity).toBe(severity)
    expect(found('credits').sentence).toContain(sentence)
    expect(found('credits').sentence).toContain(`$${credits}.00 of credit left`)
    expect(found('credits').sentence).toContain('$300.00 at worst')
  },
)

test('what a closed workshop still owes counts, and what was used already does not', async () => {
  await using world = await readyWorld()
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
  const { found } = await examine(testedDeployment(world.ctx))
  expect(found('credits').sentence).toContain(
    'can spend $315.00 at worst (test-workshop $275.00, over $40.00)',
  )
  // Ended by staff: its keys may still use what they were given, and nothing more is given.
  await world.db.workshopEnd.create({ data: { slug: 'test-workshop', endedBy: 'github:1' } })
  expect((await examine(testedDeployment(world.ctx))).found('credits').sentence).toContain(
    'can spend $115.00 at worst (test-workshop $75.00, over $40.00)',
  )
})

test('a model that the provider does not have is named with its workshop', async () => {
  await using world = await readyWorld()
  world.ctx.workshops.workshops.set(
    'typo',
    bigWorkshop({ slug: 'typo', allowedModels: ['openai/gpt-5-nano', 'openai/gpt-55-nano'] }),
  )
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toContain('models')
  expect(found('models').sentence).toContain('typo allows openai/gpt-55-nano,')
})

test('a guardrail that was changed at the provider is named with every difference', async () => {
  await using world = await readyWorld()
  const [guardrail] = await world.ctx.provider.listGuardrails()
  await world.ctx.provider.updateGuardrail(guardrail!.id, {
    name: guardrail!.name,
    description: '',
    limit: usd(7),
    allowedModels: ['anthropic/claude-opus-4.6'],
  })
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['guardrails'])
  expect(found('guardrails').severity).toBe('error')
  expect(found('guardrails').sentence).toMatch(
    new RegExp(
      'workshop-test-workshop differs from its file: ' +
        /it also allows anthropic\/claude-opus-4\.6-\d+; it does not allow openai\/gpt-5-nano-\d+; /
          .source +
        /its limit is \$7\.00 and not \$300\.00/.source,
    ),
  )
})

test('a database that is down is named, and all else is still checked', async () => {
  await using world = await readyWorld()
  const db = createDb(`postgresql://nobody:nothing@127.0.0.1:${await freePort()}/nothing`, {
    max: 1,
    applicationName: 'test',
  })
  const { severities, bad } = await examine(
    { ...testedDeployment(world.ctx), db },
    { canary: true },
  )
  expect(bad).toEqual(['database'])
  expect(severities).toMatchObject({
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
  await using world = await readyWorld()
  const missing = await examine({
    ...testedDeployment(world.ctx),
    migrations: [...world.ctx.migrations, '20990101000000_tomorrow'],
  })
  expect(missing.bad).toEqual(['migrations'])
  expect(missing.found('migrations').sentence).toContain('20990101000000_tomorrow')
  expect([missing.severities.worker, missing.severities.canary]).toEqual(['skipped', 'skipped'])
  const behind = await examine({
    ...testedDeployment(world.ctx),
    migrations: world.ctx.migrations.slice(0, -1),
  })
  expect(behind.found('migrations')).toMatchObject({
    severity: 'warning',
    sentence: expect.stringContaining(world.ctx.migrations.at(-1)!) as string,
  })
  await world.db.$executeRaw`drop table keymint._prisma_migrations`
  expect((await examine(testedDeployment(world.ctx))).found('migrations').sentence).toBe(
    'The database was never migrated.',
  )
})

test('clocks that disagree are named with whose is off and by how much', async () => {
  await using world = await readyWorld()
  await world.call('/__sim/clock', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ offsetMs: 90_000 }),
  })
  const fast = await examine(testedDeployment(world.ctx))
  expect(fast.bad).toEqual(['clock'])
  expect(fast.found('clock')).toMatchObject({
    severity: 'error',
    sentence: expect.stringMatching(
      /database’s clock is within a second, the provider’s clock is (89|90|91) s ahead/,
    ) as string,
  })
  await world.call('/__sim/clock', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ offsetMs: 0 }),
  })
  world.moveClock(20_000)
  const own = await examine(testedDeployment(world.ctx))
  expect(own.found('clock')).toMatchObject({
    severity: 'warning',
    sentence: expect.stringMatching(
      /database’s clock is (19|20) s behind, the provider’s clock is (19|20|21) s behind/,
    ) as string,
  })
})

test('queues and schedules that migrate has not made are named', async () => {
  await using world = await readyWorld()
  await world.db.$executeRaw`delete from pgboss.schedule where name = 'read-accounts'`
  await world.db.$executeRaw`update pgboss.queue set policy = 'standard' where name = 'mint-key'`
  await world.db.$executeRaw`update pgboss.version set version = version - 1`
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['queue'])
  expect(found('queue').sentence).toMatch(
    new RegExp(
      /have version \d+; this build needs \d+\. /.source +
        'Queues with another policy than this build’s: mint-key. Missing schedules: read-accounts.',
    ),
  )
})

test('no worker, a pause and the switch are each named', async () => {
  await using world = await readyWorld()
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '5 minutes'`
  await world.db
    .$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'Back in ten minutes.'`
  world.ctx.settings.provisioningEnabled = false
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['worker', 'switch'])
  expect(found('worker').sentence).toBe('No worker has reported for 5 min, so no keys are created.')
  expect(found('switch').sentence).toBe(
    'Key creation is disabled by PROVISIONING_ENABLED. Key creation is paused: Back in ten minutes.',
  )
})

test('a workshop that would stop at the in-flight budget, and shared free models, are named', async () => {
  await using world = await readyWorld(
    bigWorkshop({ allowedModels: ['anthropic/claude-opus-4.6', 'deepseek/deepseek-r1-0528:free'] }),
  )
  await world.faults({ credits: 400 })
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['in-flight'])
  expect(found('in-flight').sentence).toContain('free models are limited for the whole account')
  expect(found('in-flight').sentence).toContain('counted as $3.20, more than a key’s $2.00')
  expect(found('in-flight').sentence).toContain(
    'all 150 of test-workshop send one request to anthropic/claude-opus-4.6 at once ' +
      'without max_tokens, $480.00 are in flight, and $400.00 are left',
  )
})

test('a sign-in provider that does not answer or refuses the app is named', async () => {
  await using world = await readyWorld()
  const refusing = await answering(404)
  world.onClose(refusing.stop)
  const redirectUri = 'https://keys.example.org/auth/google/callback'
  world.ctx.deployment.signIn.push(
    { provider: 'Google', authorizeUrl: refusing.url, redirectUri },
    { provider: 'Nobody', authorizeUrl: `http://127.0.0.1:${await freePort()}/`, redirectUri },
  )
  const { found } = await examine(testedDeployment(world.ctx))
  expect(found('sign-in').sentence).toContain(
    `Google answers 404 to a sign-in: it may not know the client id or ${redirectUri}.`,
  )
  expect(found('sign-in').sentence).toMatch(/Nobody does not answer at .* \(ECONNREFUSED\)/)
})

test('keys and credentials sealed with a key that is gone are counted, and its id is named', async () => {
  await using world = await readyWorld()
  await readyClaims(world, 1)
  const team = await openTeam(world)
  await team.deposit('openrouter', { secret: world.upstream.managementKey, baseUrl: null })
  await world.db.$executeRaw`update keymint.keys set sealed = 'v1.deadbeef.x.y'`
  await world.db.$executeRaw`update keymint.master_keys 
      set sealed = regexp_replace(sealed, '^(v[0-9])[.][^.]+', '\\1.deadbeef')`
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['secrets'])
  for (const sentence of [
    '1 key cannot be shown to its holder: sealed with a key that ENCRYPTION_KEY no longer holds (deadbeef)',
    '1 credential of teams cannot be used: sealed with a key that ENCRYPTION_KEY no longer holds (deadbeef)',
  ])
    expect(JSON.stringify(found('secrets'))).toContain(sentence)
})

test('an older key whose limit does not count own provider keys is named, and gets the flag', async () => {
  await using world = await readyWorld()
  const [claim] = await readyClaims(world, 1)
  const key = () => world.db.key.findFirstOrThrow({ where: { hash: claim!.hash } })
  const real = world.ctx.provider.listKeyPages
  world.ctx.provider.listKeyPages = async function* (options) {
    for await (const page of real.call(world.ctx.provider, options))
      yield { ...page, keys: page.keys.map((one) => ({ ...one, includeByok: false })) }
  }
  await readAll(world)
  expect(await key()).toMatchObject({ seenByok: false })
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['credits'])
  expect(found('credits').sentence).toContain('1 key may spend past its limit')
  world.ctx.provider.listKeyPages = real
  await world.call('/__sim/calls', { method: 'DELETE' })
  await applyKey(world.ctx, (await key()).id)
  expect((await world.calls())['PATCH /keys/{hash}']).toBe(1)
  expect(await key()).toMatchObject({ seenByok: true })
  expect((await examine(testedDeployment(world.ctx))).bad).toEqual([])
})

test('a guardrail of our name that is not ours is named, with the name that ours has', async () => {
  await using world = await readyWorld()
  await world.ctx.provider.createGuardrail({
    name: 'workshop-test-workshop',
    description: 'keymint 0123456789ab: of another installation',
    limit: usd(7),
    allowedModels: ['openai/gpt-5-nano'],
  })
  const { found, bad } = await examine(testedDeployment(world.ctx))
  expect(bad).toEqual(['guardrails'])
  expect(found('guardrails').severity).toBe('warning')
  expect(found('guardrails').sentence).toContain('workshop-test-workshop')
  expect(JSON.stringify(found('guardrails'))).toContain(
    `workshop-test-workshop-${world.ctx.installationId}`,
  )
})

test('a sample of the demo is named where it is public, and nowhere else', async () => {
  const sample = bigWorkshop({
    slug: 'duckdb-agents',
    title: 'Build an analytics agent on DuckDB',
  })
  await using world = await readyWorld(sample)
  const tested = testedDeployment(world.ctx)
  const { found, severities } = await examine(tested)
  expect(severities.workshops).toBe('warning')
  expect(found('workshops').sentence).toContain('duckdb-agents: a sample of the demo')
  const here = { ...tested.deployment, appOrigin: 'http://localhost:3000' }
  expect((await examine({ ...tested, deployment: here })).severities.workshops).toBe('ok')
})

/**
 * Two hundred random drifts, upstream and in the rows: each is named right, what the dry run says
 * is what is done, and nothing else is.
 */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { bindKeys } from '~/domain/keys/bind.server'
import {
  driftRecipes,
  json,
  ledger,
  manage,
  seedKey,
  type Expected,
  type LedgerKey,
} from '../../../tests/drift-recipes'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'
import { seededRng } from '../../../tests/rng'
import { seedClaims } from '../../../tests/seed-claims'
import { planReconcile } from './reconcile.server'
import { askForCheck, askForFix, runCheck, runFix } from './reconcile-runs.server'

const soon = new Date(Date.now() + 86_400_000)
const workshops = [
  makeWorkshop({ slug: 'lifetime', keyExpiresAt: soon }),
  makeWorkshop({
    slug: 'daily',
    kind: 'giveaway',
    keyLimitReset: 'daily',
    keyLimit: usd(0.25),
    keyExpiresAt: soon,
    allowedModels: ['openai/gpt-5-nano', 'anthropic/claude-sonnet-4.6'],
  }),
  makeWorkshop({ slug: 'drifted-models', keyExpiresAt: soon }),
  makeWorkshop({ slug: 'drifted-budget', keyExpiresAt: soon }),
  makeWorkshop({ slug: 'guardrail-gone', keyExpiresAt: soon }),
]

// The dry run is what is then done, and a second run changes nothing.
test('two hundred random drifts are all classified right, and no foreign key is touched', async () => {
  const rng = seededRng('DRIFT_SEED')
  await using world = await openWorld({ workshops })
  const gone = await seedClaims(world, 'guardrail-gone', 6)
  await seedClaims(world, 'drifted-models', 3)
  await seedClaims(world, 'drifted-budget', 3)
  const healthy = [
    ...(await seedClaims(world, 'lifetime', 170)),
    ...(await seedClaims(world, 'daily', 130)),
  ]

  // Keys that are nobody's business here, some of them nearly ours.
  const other = `km/${'f'.repeat(12)}/lifetime/${randomUUID()}`
  const nearly = [
    other,
    'km/',
    `KM/${world.ctx.installationId}/x`,
    `x/km/${world.ctx.installationId}/y`,
    `km/${world.ctx.installationId}`,
    'workshop-lifetime',
  ]
  await world.call(
    '/__sim/keys',
    json('POST', {
      keys: [
        ...nearly.map((name) => ({ name })),
        ...Array.from({ length: 140 }, (_, index) => ({
          name: `somebody-${index}`,
          disabled: rng.below(3) === 0,
          limit: rng.below(50),
        })),
      ],
    }),
  )
  // Ours and in order, though they look odd: one in flight, one replaced and in its time of grace,
  // one ended and expired.
  const mint = await world.db.mint.findFirstOrThrow({ where: { scope: 'lifetime' } })
  const [flying, token] = [randomUUID(), randomUUID()]
  await world.db.mint.create({
    data: {
      ...mint,
      id: flying,
      holderId: randomUUID(),
      state: 'pending',
      fencingToken: token,
      doneAt: null,
      options: {},
    },
  })
  await world.db.mintAttempt.create({
    data: {
      id: flying,
      mintId: flying,
      token,
      name: `km/${world.ctx.installationId}/lifetime/${flying}`,
      state: 'sent',
    },
  })
  await seedKey(world, { name: `km/${world.ctx.installationId}/lifetime/${flying}` })
  const grace = rng.take(healthy)
  await world.db.key.update({
    where: { id: grace.keyId },
    data: { withoutReset: true, graceUntil: soon },
  })

  const expected: Expected[] = []
  const makers = driftRecipes(world, healthy, rng, soon)
  while (expected.length < 191) expected.push(await rng.pick(makers)())
  const guardrails = await world.ctx.provider.listGuardrails()
  const idOf = (slug: string) => guardrails.find(({ name }) => name === `workshop-${slug}`)!.id
  await manage(world, `/guardrails/${idOf('drifted-models')}`, 'PATCH', {
    allowed_models: rng.pick([
      ['anthropic/claude-sonnet-4.6'],
      ['openai/gpt-5-nano', 'anthropic/claude-sonnet-4.6'],
      null,
    ]),
  })
  await manage(
    world,
    `/guardrails/${idOf('drifted-budget')}`,
    'PATCH',
    rng.pick([
      { limit_usd: 1, reset_interval: 'monthly' },
      { limit_usd: 10_000, reset_interval: 'daily' },
      { limit_usd: null, reset_interval: null },
    ]),
  )
  await manage(world, `/guardrails/${idOf('guardrail-gone')}`, 'DELETE')
  for (const slug of ['drifted-models', 'drifted-budget', 'guardrail-gone'])
    expected.push({ kind: 'guardrail-differs', about: `guardrail:${slug}`, repairable: true })
  expected.push(
    ...gone.map(({ hash }): Expected => ({ kind: 'unbound', about: hash, repairable: true })),
  )
  expect(expected).toHaveLength(200)

  const before = await ledger(world)
  const plan = await planReconcile(world.ctx)
  expect(await ledger(world), 'planning changes nothing').toEqual(before)
  expect(
    plan.drifts.map((drift) => `${drift.kind} ${drift.keyHash ?? drift.subject}`).sort(),
  ).toEqual(expected.map((one) => `${one.kind} ${one.about}`).sort())
  expect(
    plan.drifts
      .filter((drift) => drift.repair !== null)
      .map((drift) => drift.keyHash ?? drift.subject)
      .sort(),
  ).toEqual(
    expected
      .filter((one) => one.repairable)
      .map((one) => one.about)
      .sort(),
  )
  expect(new Set(plan.drifts.map((drift) => drift.id)).size).toBe(200)

  const { runId: checkId } = await askForCheck(world.ctx, 'operator')
  await runCheck(world.ctx, checkId)
  const kept = await world.db.reconcileDrift.findMany({
    where: { runId: checkId },
    orderBy: { position: 'asc' },
  })
  expect(kept.map(({ id, what, repair }) => ({ id, what, repair }))).toEqual(
    plan.drifts.map(({ id, what, repair }) => ({ id, what, repair })),
  )
  await world.call('/__sim/calls', { method: 'DELETE' })
  const asked = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  if (asked.kind !== 'started') throw new Error(asked.kind)
  for (let outcome = await runFix(world.ctx, asked.runId); outcome.kind !== 'done';)
    outcome = await runFix(world.ctx, asked.runId)

  // What the dry run said is what was done: the same drifts, and as many writes upstream as they
  // need.
  const done = await world.db.reconcileDrift.findMany({ where: { runId: checkId } })
  expect(
    done.filter((drift) => drift.state !== 'open').map((drift) => [drift.id, drift.state]),
  ).toEqual(done.filter((drift) => drift.repair !== null).map((drift) => [drift.id, 'fixed']))
  const planned = (wanted: string) => plan.drifts.filter((drift) => drift.act?.do === wanted).length
  const calls = await world.calls()
  const writes = Object.fromEntries(
    Object.entries(calls).filter(([call]) => !call.startsWith('GET')),
  )
  const patches = planned('switch-off') + planned('switch-on') + planned('set-limit')
  expect(writes).toEqual({
    'DELETE /keys/{hash}': planned('delete-orphan'),
    'PATCH /keys/{hash}': patches,
    'PATCH /guardrails/{id}': 2,
    'POST /guardrails': 1,
  })
  expect(
    await world.db.auditEvent.count({ where: { action: 'reconcile.fixed', actor: 'operator' } }),
  ).toBe(asked.count)

  // The jobs that were sent bind; then only what a person decides is left.
  const unbound = await world.db.mint.findMany({ select: { id: true } })
  const bindings = await bindKeys(
    world.ctx,
    unbound.map(({ id }) => id),
  )
  expect([...new Set([...bindings.values()].map(({ outcome }) => outcome))]).toEqual(['bound'])
  const left = await planReconcile(world.ctx)
  const forPeople = expected.filter(
    (one) => one.kind === 'wrong-expiry' || one.kind === 'unexplained' || one.kind === 'dangling',
  )
  expect(left.drifts.map((drift) => `${drift.kind} ${drift.keyHash}`).sort()).toEqual(
    forPeople.map((one) => `${one.kind} ${one.about}`).sort(),
  )
  expect(left.drifts.filter((drift) => drift.repair !== null)).toEqual([])

  const afterFix = {
    keys: await ledger(world),
    claims: await world.db.workshopAttendance.findMany({ orderBy: { claimId: 'asc' } }),
    attempts: await world.db.mintAttempt.findMany({ orderBy: { id: 'asc' } }),
    audit: await world.db.auditEvent.count(),
  }
  const second = await askForCheck(world.ctx, 'operator')
  await runCheck(world.ctx, second.runId)
  expect(
    await askForFix(world.ctx, { actor: 'operator', checkId: second.runId, select: 'all' }),
  ).toEqual({ kind: 'nothing-to-do' })
  expect({
    keys: await ledger(world),
    claims: await world.db.workshopAttendance.findMany({ orderBy: { claimId: 'asc' } }),
    attempts: await world.db.mintAttempt.findMany({ orderBy: { id: 'asc' } }),
    audit: await world.db.auditEvent.count(),
  }).toEqual(afterFix)

  const ours = new Set([...expected.map((one) => one.about)])
  const untouched = (keys: LedgerKey[]) =>
    keys
      .filter(
        (key) => !ours.has(key.hash) && !key.name.startsWith(`km/${world.ctx.installationId}/`),
      )
      .map((key) => ({ ...key }))
  expect(untouched(afterFix.keys)).toEqual(untouched(before))
  expect(untouched(before).length).toBeGreaterThanOrEqual(145)
  const unexplained = expected.filter((one) => one.kind === 'unexplained').map((one) => one.about)
  expect(afterFix.keys.filter((key) => unexplained.includes(key.hash))).toEqual(
    before.filter((key) => unexplained.includes(key.hash)),
  )
}, 120_000)

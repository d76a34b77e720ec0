/** The workspace of the keys is deleted at the provider: nobody loses a claim, and it is said. */
import { expect, test } from 'vitest'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { createServices } from '~/adapters/services.server'
import { claimKey } from '~/domain/claim/claim.server'
import { testedDeployment } from '~/domain/operations/readiness.server'
import { readyClaims } from '../../../tests/claims'
import { work } from '../../../tests/engine'
import { bigWorkshop, examine, readyWorld } from '../../../tests/readiness'
import { thisMachine } from '../../../tests/this-machine'
import { openWorld, type World } from '../../../tests/world'
import { deploymentAccount } from './accounts.server'
import { bindKeys } from './bind.server'
import { ensureGuardrail } from './guardrail.server'

const slug = 'test-workshop'
const deleteIt = (world: World) => world.call('/__sim/default-workspace', { method: 'DELETE' })
const makeOne = (world: World) =>
  world.call<{ id: string }>('/__sim/default-workspace', { method: 'POST' })

async function claimOne(world: World, offset = 0) {
  const people = await world.people(offset + 1)
  await claimKey(world.ctx, { workshopSlug: slug, person: people.at(-1)!, optIn: false })
  return world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })
}

const coolDownEnds = (world: World) =>
  world.db.$transaction([
    world.db.$executeRaw`update keymint.accounts set cooldown_until = now() - interval '1 ms'`,
    world.db.$executeRaw`update keymint.mints set not_before = null`,
  ])

/** The deployment after a restart with OPENROUTER_WORKSPACE_ID. */
function setWorkspace(world: World, workspaceId: string) {
  const { baseUrl, managementKey } = world.upstream
  world.ctx.provider = createOpenRouter({ baseUrl, managementKey, workspaceId })
  world.ctx.services = createServices({
    openRouterBaseUrl: baseUrl,
    deployment: { secret: managementKey, provider: world.ctx.provider },
    outbound: { networks: thisMachine },
  })
}

const makeAnother = (world: World) =>
  world
    .call<{ data: { id: string } }>('/api/v1/workspaces', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.upstream.managementKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'Keys', slug: 'keys' }),
    })
    .then(({ data }) => data.id)

test('claims wait while there is no workspace, keep their seat, and continue once there is one', async () => {
  await using world = await openWorld({ workshops: [bigWorkshop({ slug })] })
  await deleteIt(world)
  const mint = await claimOne(world)
  await work(world)
  const claim = () => world.db.workshopAttendance.findFirstOrThrow()
  expect((await claim()).state).toBe('pending')
  expect(await world.db.mint.findUniqueOrThrow({ where: { id: mint.id } })).toMatchObject({
    state: 'pending',
    delayReason: 'no-workspace',
  })
  expect(
    await world.db.account.findUniqueOrThrow({ where: { id: deploymentAccount } }),
  ).toMatchObject({ reason: 'no-workspace' })
  await expect(ensureGuardrail(world.ctx, slug)).rejects.toMatchObject({
    details: { reason: 'no-workspace', kind: 'retryable' },
  })
  await makeOne(world)
  await coolDownEnds(world)
  await work(world)
  expect((await claim()).state).toBe('ready')
  const [key] = await world.liveKeys()
  expect(await world.db.key.findFirstOrThrow({ where: { hash: key!.hash } })).toMatchObject({
    guardrailAt: expect.any(Date) as Date,
  })
})

test('a refusal that does not name the workspace is told by the list, which is refused as well', async () => {
  await using world = await openWorld()
  const refuse = (match: string) => ({
    match,
    fault: 'refuse',
    status: 400,
    message: 'Invalid request parameters',
  })
  await world.faults({ rules: [refuse('POST /keys'), refuse('GET /keys')] })
  await claimOne(world)
  await work(world)
  expect(await world.db.mint.findFirstOrThrow()).toMatchObject({ delayReason: 'no-workspace' })
  // A request that is wrong in itself is refused as before: the workspace is there.
  await world.faults({ rules: [refuse('POST /keys')] })
  await coolDownEnds(world)
  await work(world)
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('refused')
})

test('with another workspace the guardrail is made anew, and a key of the old one spoils no batch', async () => {
  await using world = await openWorld()
  const [old] = await readyClaims(world, 1)
  const before = (await ensureGuardrail(world.ctx, slug)).id
  setWorkspace(world, await makeAnother(world))
  const mint = await claimOne(world, 1)
  await work(world)
  await bindKeys(world.ctx, [mint.id])
  await bindKeys(world.ctx, [mint.id])
  const fresh = await world.db.key.findFirstOrThrow({ where: { mintId: mint.id } })
  const after = (await ensureGuardrail(world.ctx, slug)).id
  expect([fresh.guardrailId, after === before]).toEqual([after, false])
  // The old key is unbound by hand, and asked for beside a fresh one.
  await world.db.$executeRaw`update keymint.keys set guardrail_id = null, guardrail_at = null`
  const mints = await world.db.mint.findMany()
  const results = await bindKeys(
    world.ctx,
    mints.map(({ id }) => id),
  )
  expect(results.get(mint.id)?.outcome).toBe('bound')
  const [other] = mints.filter(({ id }) => id !== mint.id)
  expect(results.get(other!.id)).toMatchObject({ outcome: 'again', error: { reason: 'forbidden' } })
  expect(old!.hash).not.toBe(fresh.hash)
})

test('readiness says that the workspace was deleted, the default one and one that is set', async () => {
  await using world = await readyWorld()
  const options = { canary: true }
  expect((await examine(testedDeployment(world.ctx), options)).bad).toEqual([])
  await deleteIt(world)
  for (const isSet of [false, true]) {
    if (isSet) setWorkspace(world, '00000000-0000-4000-8000-000000000000')
    const { found, severities, bad } = await examine(testedDeployment(world.ctx), options)
    expect(bad).toEqual(['workspace'])
    expect(found('workspace').sentence).toContain('was deleted at the provider')
    expect(found('workspace').remedy).toContain('OPENROUTER_WORKSPACE_ID')
    expect([severities.guardrails, severities.canary]).toEqual(['skipped', 'skipped'])
  }
  setWorkspace(world, await makeAnother(world))
  expect((await examine(testedDeployment(world.ctx), options)).severities.workspace).toBe('ok')
})

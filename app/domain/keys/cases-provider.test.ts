/** A provider that fails, forgets, or is changed by hand: nobody waits for ever, nothing foreign is touched. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createServices } from '~/adapters/services.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { act, claimRow, poolNow, readyClaims, spend, startAction } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { openWorld, usd, type World } from '../../../tests/world'
import { deploymentAccount } from './accounts.server'
import { applyKey } from './apply.server'
import { bindKeys } from './bind.server'
import { runMint } from './mint.server'
import { sendAccountReads } from './read-account.server'
import { deleteOldKeys, sendMintsAgain } from './wake.server'

const key = async (world: World, hash: string) =>
  world.db.key.findFirstOrThrow({ where: { hash }, omit: { sealed: true } })
const fault = (world: World, match: string, kind: string, more: object = {}) =>
  world.faults({ rules: [{ match, fault: kind, ...more }] })
const claimOne = async (world: World) => {
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  return world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })
}

test('one ended key whose use cannot be read is set aside, and all others are read', async () => {
  await using world = await openWorld()
  const [bad, good] = await readyClaims(world, 2)
  await spend(world, good!.hash, 0.4)
  await giveBack(world.ctx, bad!)
  await giveBack(world.ctx, good!)
  await work(world)
  await fault(world, `GET /keys/${bad!.hash}`, 'unreadable')
  await letSettle(world)
  expect((await key(world, good!.hash)).settledAt).not.toBeNull()
  expect((await key(world, good!.hash)).usedUsd.toNumber()).toBe(0.4)
  expect((await key(world, bad!.hash)).settledAt).toBeNull()
})

test('a live key that the provider no longer has is closed, shown and settled, and comes back when seen', async () => {
  await using world = await openWorld()
  const claims = await readyClaims(world, 4)
  const [lost] = claims
  await spend(world, lost!.hash, 0.5)
  await travel(world, 20_000)
  await readAll(world)
  await fault(world, `GET /keys/${lost!.hash}`, 'refuse', { status: 404 })
  const services = world.ctx.services.get('openrouter')!
  const { listKeys: listed } = services
  services.listKeys = async function* (credential, options) {
    for await (const page of listed.call(services, credential, options))
      yield { ...page, keys: page.keys.filter(({ id }) => id !== lost!.hash) }
  }
  await readAll(world)
  await applyKey(world.ctx, (await key(world, lost!.hash)).id)
  expect((await claimRow(world, lost!)).upstreamMissingAt).not.toBeNull()
  expect((await key(world, lost!.hash)).closedAt).not.toBeNull()
  await travel(world, 8 * 60_000)
  await readAll(world)
  expect((await key(world, lost!.hash)).settledAt).not.toBeNull()
  expect((await poolNow(world)).committed).toBe(6.5)

  services.listKeys = listed
  await world.clearFaults()
  await readAll(world)
  expect(await key(world, lost!.hash)).toMatchObject({ closedAt: null, settledAt: null })
  expect((await claimRow(world, lost!)).upstreamMissingAt).toBeNull()
  expect((await poolNow(world)).committed).toBe(8)
})

test('a gateway that answers 400, 404 or 413 in its own words refuses no claim and loses no key', async () => {
  await using world = await openWorld()
  let status = 400
  const gateway = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Not here</h1>')
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  world.onClose(async () => void gateway.close())
  const { port } = gateway.address() as AddressInfo
  const [claim] = await readyClaims(world, 1)
  const mint = await claimOne(world)
  const { services } = world.ctx
  world.ctx.services = createServices({
    openRouterBaseUrl: `http://127.0.0.1:${port}/api/v1`,
    outbound: { networks: [] },
  })
  for (status of [400, 404, 405, 413, 421]) {
    await world.db.$executeRaw`update keymint.mints set not_before = null`
    await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
    expect((await runMint(world.ctx, mint.id)).kind).toBe('snooze')
    await readAll(world)
  }
  expect((await world.db.mint.findUniqueOrThrow({ where: { id: mint.id } })).state).toBe('pending')
  expect((await key(world, claim!.hash)).missingAt).toBeNull()
  world.ctx.services = services
})

test('a guardrail of our name that is not ours is never changed; ours has a name of its own', async () => {
  await using world = await openWorld()
  const foreign = await world.ctx.provider.createGuardrail({
    name: 'workshop-test-workshop',
    description: 'keymint 0123456789ab: of another installation',
    limit: usd(7),
    allowedModels: ['openai/gpt-5-nano'],
  })
  const [claim] = await readyClaims(world, 1)
  const all = await world.ctx.provider.listGuardrails()
  expect(all.find(({ id }) => id === foreign.id)).toMatchObject({ limitUsd: usd(7) })
  const ours = all.find(({ id }) => id !== foreign.id)
  expect(ours!.name).toBe(`workshop-test-workshop-${world.ctx.installationId}`)
  expect(await world.ctx.provider.listAssignedHashes(ours!.id)).toEqual(new Set([claim!.hash]))
})

test('a guardrail deleted by hand is made again by the scheduled pass, and its keys are assigned to it', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const [guardrail] = await world.ctx.provider.listGuardrails()
  await world.db.$executeRaw`update keymint.keys set guardrail_at = now() - interval '1 min'`
  await fetch(`${world.upstream.baseUrl}/guardrails/${guardrail!.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${world.upstream.managementKey}` },
  })
  await readAll(world)
  const { mintId, guardrailAt } = await key(world, claim!.hash)
  expect(guardrailAt).toBeNull()
  await bindKeys(world.ctx, [mintId])
  const [fresh] = await world.ctx.provider.listGuardrails()
  expect(await world.ctx.provider.listAssignedHashes(fresh!.id)).toEqual(new Set([claim!.hash]))
})

test('an old settled key is deleted upstream, one whose name is not ours is left there', async () => {
  await using world = await openWorld()
  const [ours, other] = await readyClaims(world, 2)
  for (const claim of [ours, other]) await giveBack(world.ctx, claim!)
  await letSettle(world)
  await travel(world, 8 * 86_400_000)
  await deleteOldKeys(world.ctx)
  const service = world.ctx.services.get('openrouter')!
  const { findKey } = service
  service.findKey = async (credential, id) => {
    const found = await findKey(credential, id)
    return found && id === other!.hash ? { ...found, name: 'somebody else’s' } : found
  }
  for (const claim of [ours, other]) await applyKey(world.ctx, (await key(world, claim!.hash)).id)
  expect(await world.ctx.provider.findKey(ours!.hash)).toBeNull()
  expect(await world.ctx.provider.findKey(other!.hash)).not.toBeNull()
  expect(await deleteOldKeys(world.ctx)).toBe(0)
})

test('a claim waits out five minutes of 502, and a later list resolves the calls without an answer', async () => {
  await using world = await openWorld()
  const mint = await claimOne(world)
  await fault(world, 'POST /keys', '502-html')
  for (let tries = 0; tries < 8; tries++) {
    await world.db.$executeRaw`update keymint.mints set not_before = null`
    await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
    await runMint(world.ctx, mint.id)
  }
  expect((await world.db.mint.findFirstOrThrow()).state).toBe('pending')
  await world.clearFaults()
  await travel(world, 20_000)
  await readAll(world)
  expect(await world.db.mintAttempt.count({ where: { state: 'unknown', resolvedAt: null } })).toBe(
    0,
  )
  await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
  await work(world)
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('ready')
})

test('a Retry-After of an hour holds nobody for longer than five minutes, and staff may try at once', async () => {
  await using world = await openWorld()
  const mint = await claimOne(world)
  await fault(world, 'POST /keys', '429', { retryAfterSeconds: 3_600, times: 1 })
  const outcome = await runMint(world.ctx, mint.id)
  expect(outcome.kind === 'snooze' && outcome.seconds).toBeLessThanOrEqual(303)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  await act(world, { kind: 'try-now' }, [claim])
  await runMint(world.ctx, mint.id)
  expect((await claimRow(world, claim)).state).toBe('ready')
})

test('staff try a change now that keeps failing, and it starts anew without its pauses', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await fault(world, 'PATCH /keys/*', '429')
  await startAction(world, { kind: 'set-limit', limit: usd(1) }, { claimIds: [claim!.claimId] })
  const { id } = await key(world, claim!.hash)
  await act(world, { kind: 'set-limit', limit: usd(1) }, [claim!]).catch(() => undefined)
  expect((await key(world, claim!.hash)).applyTries).toBeGreaterThan(0)
  await world.clearFaults()
  expect((await applyKey(world.ctx, id)).kind).toBe('snooze')
  await act(world, { kind: 'try-now' }, [claim!])
  await applyKey(world.ctx, id)
  expect((await world.ctx.provider.findKey(claim!.hash))!.limit).toBe(usd(1))
})

test('claims behind a pause cost nothing: no job runs and none is sent', async () => {
  await using world = await openWorld()
  const people = await world.people(30)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: 'test-workshop', person, optIn: false })
  await world.db.$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'a test'`
  for (const { id } of await world.db.mint.findMany())
    expect(await runMint(world.ctx, id)).toEqual({ kind: 'done' })
  await world.db.$executeRaw`delete from pgboss.job where name = 'mint-key'`
  await world.db.$executeRaw`update keymint.mints set queued_at = now() - interval '1 min'`
  expect(await sendMintsAgain(world.ctx)).toBe(0)
})

test('two processes that send the scheduled reading at once leave one job for each account', async () => {
  await using world = await openWorld()
  await readyClaims(world, 1)
  await Promise.all([sendAccountReads(world.ctx), sendAccountReads(world.ctx)])
  const jobs = await world.db.$queryRaw<{ key: string }[]>`
    select singleton_key as key from pgboss.job where name = 'read-account' and state = 'created'`
  expect(jobs).toEqual([{ key: deploymentAccount }])
})

test('a key that was made without a limit is not given out, and is gone at once', async () => {
  await using world = await openWorld()
  const mint = await claimOne(world)
  const service = world.ctx.services.get('openrouter')!
  const { createKey } = service
  service.createKey = async (credential, wanted) => {
    const created = await createKey(credential, wanted)
    return { ...created, made: { ...created.made, cap: null } }
  }
  await runMint(world.ctx, mint.id)
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('pending')
  expect(await world.liveKeys()).toEqual([])
})

test('an account with more than 50,000 keys is read like any other', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.4)
  await travel(world, 20_000)
  const service = world.ctx.services.get('openrouter')!
  const { listKeys } = service
  const strange = (await service.findKey(world.ctx.managementCredential, claim!.hash))!
  service.listKeys = async function* (credential, options) {
    for (let page = 0; page < 600; page++)
      yield {
        keys: Array.from({ length: 100 }, (_, index) => ({
          ...strange,
          id: `${page}-${index}`,
          name: 'a key of somebody else',
        })),
        unreadable: 0,
      }
    yield* listKeys(credential, options)
  }
  await readAll(world)
  expect((await key(world, claim!.hash)).usedUsd.toNumber()).toBe(0.4)
})

/** The sweep finds again what was lost: jobs, ends, deletes. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { runMint } from '~/domain/keys/mint.server'
import { travel } from '../../../tests/engine'
import { openWorld, type World } from '../../../tests/world'
import { sweep } from './sweep.server'

const slug = 'test-workshop'

async function claims(world: World, count: number) {
  const people = await world.people(count)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  return people
}

async function mintAll(world: World) {
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}

const jobsOf = async (world: World, name: string) =>
  (
    await world.db.$queryRaw<
      { n: number }[]
    >`select count(*)::int as n from pgboss.job where name = ${name} and state < 'completed'`
  )[0]!.n
const loseJobs = (world: World) => world.db.$executeRaw`delete from pgboss.job`

test('a pending mint without a job is sent again, once, and becomes a key', async () => {
  await using world = await openWorld()
  await claims(world, 3)
  await loseJobs(world)
  expect((await sweep(world.ctx)).mintsSentAgain, 'a mint this young may just be on its way').toBe(
    0,
  )
  await world.db.$executeRaw`update keymint.mints set queued_at = now() - interval '6 s'`
  const reports = await Promise.all([sweep(world.ctx), sweep(world.ctx)])
  expect(reports[0].mintsSentAgain + reports[1].mintsSentAgain).toBe(3)
  expect(await jobsOf(world, 'mint-key')).toBe(3)
  await world.startWorkerHere()
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready' } }), {
      timeout: 20_000,
    })
    .toBe(3)
})

test('an unbound key without a job is sent to be bound again, one that was set aside for a person is not', async () => {
  await using world = await openWorld()
  await claims(world, 2)
  await mintAll(world)
  await loseJobs(world)
  const [aside] = await world.db.workshopAttendance.findMany()
  await world.db.$executeRaw`
      update keymint.keys
        set saved_at = now() - interval '6 s', bind_set_aside = (holder_id = ${aside!.claimId}::uuid)`
  expect((await sweep(world.ctx)).bindsSentAgain).toBe(1)
  expect((await sweep(world.ctx)).bindsSentAgain).toBe(0)
})

test('a key ends when it expires also without a sweep, and the sweep erases its secret', async () => {
  await using world = await openWorld()
  const [person] = await claims(world, 1)
  await mintAll(world)
  await travel(world, 86_400_000 + 1_000)
  expect(await revealKey(world.ctx, { workshopSlug: slug, userId: person!.userId })).toEqual({
    kind: 'no-key',
  })
  expect((await sweep(world.ctx)).ended).toBe(1)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect(claim).toMatchObject({ state: 'ended', reason: 'expired', orKeyPlaintext: null })
  expect(claim.orKeyHash).not.toBeNull()
  expect(claim.keyLabel).not.toBeNull()
})

test('a condemned key whose delete was not confirmed is deleted by a later sweep', async () => {
  await using world = await openWorld()
  await claims(world, 1)
  await mintAll(world)
  // An attempt of ours that lost its race, with its key still upstream.
  const mint = await world.db.mint.findFirstOrThrow()
  const id = crypto.randomUUID()
  const name = `km/${world.ctx.installationId}/${slug}/${id}`
  const orphan = await world.ctx.provider.createKey({
    name,
    limit: 1_000_000_000n,
    limitReset: null,
    expiresAt: new Date(Date.now() + 3_600_000),
  })
  await world.db.mintAttempt.create({
    data: {
      id,
      mintId: mint.id,
      token: crypto.randomUUID(),
      name,
      state: 'condemned',
      keyHash: orphan.hash,
    },
  })
  await world.faults({ rules: [{ match: 'DELETE /keys/*', fault: '500', times: 1 }] })
  expect((await sweep(world.ctx)).condemnedDeleted).toBe(0)
  expect(await world.liveKeys()).toHaveLength(2)
  expect((await sweep(world.ctx)).condemnedDeleted).toBe(1)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim.orKeyHash])
  expect((await world.db.mintAttempt.findUniqueOrThrow({ where: { id } })).deletedAt).not.toBeNull()
})

test('one row that cannot be ended keeps nobody else from being found', async () => {
  await using world = await openWorld()
  await claims(world, 2)
  await mintAll(world)
  await claims(world, 1)
  await loseJobs(world)
  const [poisoned] = await world.db.workshopAttendance.findMany({ where: { state: 'ready' } })
  await world.db.$executeRawUnsafe(
    `
      create function keymint.poison() returns trigger language plpgsql as $$ begin raise exception 'poisoned';
        end $$`,
  )
  await world.db.$executeRawUnsafe(
    `
      create trigger poison before update on keymint.workshop_attendance for each row
        when (old.claim_id = '${poisoned!.claimId}') execute function keymint.poison()`,
  )
  await world.db.$executeRaw`
      update keymint.mints set queued_at = now() - interval '6 s', expires_at = now() + interval '9 days'`
  await travel(world, 86_400_000 + 1_000)
  expect(await sweep(world.ctx)).toMatchObject({ ended: 1, mintsSentAgain: 1 })
})

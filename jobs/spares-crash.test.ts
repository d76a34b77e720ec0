/** The stock of pre-minted keys when the processes that keep it are killed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { loadWorkshops } from '~/domain/workshop/catalog.server'
import { expectPoolToAddUp } from '../tests/claims'
import { readAll } from '../tests/engine'
import { openWorld } from '../tests/world'

const slug = 'ready-at-once'
const premint = 12
const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString()

test('a worker killed while it makes the stock, and again while people claim, leaves no key unknown', async () => {
  await using world = await openWorld()
  const dir = await mkdtemp(path.join(tmpdir(), 'keymint-premint-'))
  world.onClose(() => rm(dir, { recursive: true, force: true }))
  await writeFile(
    path.join(dir, `${slug}.yaml`),
    [
      'title: Ready at once',
      `claims_open_at: ${hours(-1)}`,
      `claims_close_at: ${hours(2)}`,
      'allowed_models: [openai/gpt-5-nano]',
      'limit_usd: 100',
      'key_limit_usd: 2',
      `key_expires_at: ${hours(9)}`,
      'providers: [github]',
      `premint: ${premint}`,
    ].join('\n'),
  )
  world.ctx.workshops = await loadWorkshops(dir)
  expect(world.ctx.workshops.problems).toEqual([])
  await world.faults({ latencyMs: 150 })
  const start = () => world.spawnWorker({ WORKSHOPS_DIR: dir })
  const ready = () => world.db.spare.count({ where: { state: 'ready' } })

  const first = await start()
  await expect.poll(ready, { timeout: 30_000, interval: 20 }).toBeGreaterThan(2)
  first.kill('SIGKILL')
  await expectPoolToAddUp(world)

  const second = await start()
  const stocked = () =>
    world.db.key.count({ where: { holderKind: 'spare', guardrailAt: { not: null } } })
  await expect.poll(stocked, { timeout: 60_000, interval: 100 }).toBe(premint)
  const people = await world.people(20)
  await Promise.all(
    people
      .slice(0, 10)
      .map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  second.kill('SIGKILL')
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(10)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  await expectPoolToAddUp(world)

  await start()
  const claims = () =>
    world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } })
  await expect.poll(claims, { timeout: 60_000, interval: 100 }).toBe(people.length)
  await expect.poll(stocked, { timeout: 60_000, interval: 100 }).toBe(premint)
  await world.db.$executeRaw`update keymint.mint_attempts set sent_at = sent_at - interval '2 min'`
  await readAll(world)
  const held = (await world.db.key.findMany({ where: { savedAt: { not: null } } })).map(
    (key) => key.hash,
  )
  expect((await world.liveKeys()).map((key) => key.hash).sort()).toEqual(held.sort())
  expect(held).toHaveLength(people.length + premint)
  const [pool] = await world.db.pool.findMany()
  expect([pool?.seats, pool?.committedUsd.toNumber()]).toEqual([20, 2 * (people.length + premint)])
  await expectPoolToAddUp(world)
}, 240_000)

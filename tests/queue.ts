/** What the tests of the queue share. */
import { claimKey } from '../app/domain/claim/claim.server'
import type { World } from './harness'

export const workshopSlug = 'test-workshop'
export const actorUserId = 'github:1'
export const soon = { timeout: 30_000, interval: 100 }

export async function claimFor(world: World, count: number, slug = workshopSlug) {
  const people = await world.people(count)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  return people
}

export const states = (world: World) =>
  world.db.workshopAttendance
    .groupBy({ by: ['state'], _count: true })
    .then((rows) => Object.fromEntries(rows.map((row) => [row.state, row._count])))

export const bound = (world: World) =>
  world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } })

export const onlyJob = async (world: World, name: string) => {
  const [job] = await world.db.$queryRaw<
    { id: string }[]
  >`select id from pgboss.job where name = ${name} order by created_on desc limit 1`
  return job?.id ?? ''
}

/** Workshops with pre-minted keys, for tests. */
import { claimKey } from '~/domain/claim/claim.server'
import type { Claimant } from '~/domain/claim/admission'
import { keepSpares } from '~/domain/claim/spares.server'
import type { Workshop } from '~/domain/workshop-file'
import { mintAll } from './claims'
import { makeWorkshop, openWorld, type World, type WorldOptions } from './world'

export const slug = 'test-workshop'

export const openStock = (change: Partial<Workshop> = {}, options: WorldOptions = {}) =>
  openWorld({ workshops: [makeWorkshop({ premint: 3, ...change })], ...options })

/** The file says something else from now on, as after a deploy. */
export function changeFile(world: World, change: Partial<Workshop>) {
  const before = world.ctx.workshops.workshops.get(slug)!
  world.ctx.workshops.workshops.set(slug, { ...before, ...change })
}

/** How many spares there are in each state. */
export async function stock(world: World) {
  const rows = await world.db.spare.groupBy({ by: ['state'], _count: true })
  return Object.fromEntries(rows.map((row) => [row.state, row._count]))
}

export async function fill(world: World) {
  await keepSpares(world.ctx)
  await mintAll(world)
}

export const claim = (world: World, person: Claimant) =>
  claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
export const claimOf = (world: World, person: Claimant) =>
  world.db.workshopAttendance.findFirst({ where: { userId: person.userId } })

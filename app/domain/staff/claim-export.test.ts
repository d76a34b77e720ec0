/** The export: everything of the filter, complete and in order, and nothing secret. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { runMint } from '~/domain/keys/mint.server'
import { openWorld, type World } from '../../../tests/harness'
import { claimKey } from '../claim/claim.server'
import { findClaimDetail } from './claim-detail.server'
import { exportClaims, exportFields } from './claim-export.server'

const slug = 'test-workshop'
const everything = (world: World, filter = {}) =>
  exportClaims(world.ctx, { workshopSlug: slug, filter, actorUserId: 'github:1' })
const rowsOf = async (world: World) =>
  (await Readable.from(everything(world)).toArray()) as string[][]

async function claimAs(world: World, name: string) {
  const [person] = await world.people(1)
  await world.db.attendee.update({ where: { userId: person!.userId }, data: { displayName: name } })
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
}

test('a row has a cell for each field', async () => {
  await using world = await openWorld()
  await claimAs(world, '=cmd()')
  const [row] = await rowsOf(world)
  expect(row).toHaveLength(exportFields.length)
  expect(row?.[exportFields.indexOf('name')]).toBe('=cmd()')
  expect(row?.[exportFields.indexOf('limitUsd')]).toMatch(/^\d+\.\d+$/)
})

test('more claims than are read at once come complete, in order and once, by the filter, and audited', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`
      insert into keymint.attendees (user_id, display_name, auth_provider)
        select 'github:' || n, 'Name ' || n, 'github' from generate_series(1, 4500) n`
  await world.db.$executeRaw`
    insert into keymint.workshop_attendance (user_id, workshop_slug, provider, state, reason, limit_usd,
      expires_at, attended_at)
    select 'github:' || n, ${slug}, 'github', case when n % 3 = 0 then 'refused' else 'pending' end, case
      when n % 3 = 0 then 'banned'
      end, 2, now() + interval '1 day', date_trunc('hour', now()) - make_interval(secs => n / 100)
      from generate_series(1, 4500) n`
  const rows = (await Readable.from(everything(world)).toArray()) as string[][]
  expect(rows).toHaveLength(4500)
  expect(new Set(rows.map((row) => row.at(-1))).size).toBe(4500)
  expect(rows.map((row) => row[6])).toEqual(rows.map((row) => row[6]).sort())
  expect(await Readable.from(everything(world, { state: 'refused' })).toArray()).toHaveLength(1500)
  const events = await world.db.auditEvent.findMany({ where: { action: 'claims.exported' } })
  expect(events).toHaveLength(2)
  expect(events[1]).toMatchObject({
    actor: 'user:github:1',
    subject: `workshop:${slug}`,
    details: { state: 'refused' },
  })
})

test('neither the export nor a claim’s own page holds the secret, sealed or open', async () => {
  await using world = await openWorld()
  await claimAs(world, 'Ada')
  await runMint(world.ctx, (await world.db.mint.findFirstOrThrow()).id)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  const detail = await findClaimDetail(world.ctx, slug, claim.claimId)
  expect(detail).toMatchObject({
    state: 'ready',
    key: { label: claim.keyLabel, hash: claim.orKeyHash, boundAt: null },
    attempts: [{ state: 'saved', generation: 1 }],
    formerKeys: [],
    waiting: null,
  })
  expect(detail?.trail.map((event) => event.action)).toContain('claim.made')
  const { keys } = await world.call<{ keys: { key: string }[] }>('/__sim/keys?plaintext=1')
  for (const shown of [JSON.stringify(await rowsOf(world)), JSON.stringify(detail)]) {
    expect(shown).toContain(claim.keyLabel)
    expect(shown).not.toContain(keys[0]!.key)
    expect(shown).not.toContain(claim.orKeyPlaintext)
  }
  expect(await findClaimDetail(world.ctx, 'another', claim.claimId)).toBeNull()
})

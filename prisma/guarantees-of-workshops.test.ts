/** What the database itself holds of codes, requests, lines and pre-minted keys. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { openWorld, type World } from '../tests/world'

async function readyClaim(world: World) {
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  await runMint(
    world.ctx,
    (await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })).id,
  )
  return world.db.workshopAttendance.findFirstOrThrow()
}

test('a setup code counts once, keeps what was asked for, and stays with its claim', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  const hour = `now() + interval '1 hour'`
  const run = (statement: string) => world.db.$executeRawUnsafe(statement)
  const approve = `update keymint.setup_codes set state = 'approved', decided_at = now(),
    user_id = '${claim.userId}', claim_id = '${claim.claimId}'`
  const hand = `update keymint.setup_codes set state = 'handed-over', handed_at = now()`
  await run(`insert into keymint.setup_codes (code_hash, device_hash, tool, machine, expires_at)
    values ('c', 'd', 'codex', 'x', ${hour})`)
  await expect(run(hand)).rejects.toThrow('may not go from waiting to handed-over')
  await expect(
    run(`update keymint.setup_codes set state = 'approved', decided_at = now()`),
  ).rejects.toThrow('setup_approved_for')
  await expect(
    run(`update keymint.setup_codes set state = 'refused', decided_at = now()`),
  ).rejects.toThrow('setup_refused_why')
  await run(approve)
  for (const change of ["machine = 'y'", "tool = 'goose'", "code_hash = 'e'", 'claim_id = null'])
    await expect(run(`update keymint.setup_codes set ${change}`)).rejects.toThrow('stays what was')
  await run(hand)
  await expect(run(approve)).rejects.toThrow('may not go from handed-over to approved')
  await expect(
    run(`insert into keymint.setup_codes (code_hash, device_hash, tool, machine, expires_at)
      values ('c', 'f', 'codex', 'x', ${hour})`),
  ).rejects.toThrow('code_hash')
})

test('a person has one open request, a mailbox one grant, and no grant is an address', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  const request = { workshopSlug: 'w', userId: person!.userId, note: 'x', refusedFor: 'y' }
  await world.db.accessRequest.create({ data: request })
  await expect(world.db.accessRequest.create({ data: request })).rejects.toThrow(/[Uu]nique/)
  await expect(
    world.db.$executeRaw`update keymint.access_requests set state = 'granted'`,
  ).rejects.toThrow(/access_request_decided/)
  const grant = { workshopSlug: 'w', kind: 'login', mark: 'mona', grantedBy: 'github:staff' }
  await world.db.accessGrant.create({ data: grant })
  await expect(world.db.accessGrant.create({ data: grant })).rejects.toThrow(/[Uu]nique/)
  await expect(
    world.db.accessGrant.create({ data: { ...grant, mark: 'ada@example.org' } }),
  ).rejects.toThrow(/access_grant_mark/)
  await expect(
    world.db.accessGrant.create({ data: { ...grant, kind: 'address', mark: 'f' } }),
  ).rejects.toThrow(/access_grant_key/)
})

test('a workshop has one line of staff and one for each cause, and each claim one open request', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  const run = (statement: string) => world.db.$executeRawUnsafe(statement)
  const post = (columns: string, values: string) =>
    run(`insert into keymint.announcements (workshop_slug, ${columns}) values ('w', ${values})`)
  await expect(post('line', `'without an end'`)).rejects.toThrow(/announcement_of_staff_ends/)
  await expect(post('seen_at', 'now()')).rejects.toThrow(/announcement_has_line_or_cause/)
  await expect(post('line, ends_at', `E'two\\nlines', now()`)).rejects.toThrow(/is_one_line/)
  await expect(post('cause', `'weather'`)).rejects.toThrow(/announcement_cause/)
  for (const [columns, values] of [
    ['line, ends_at', `'a line', now()`],
    ['cause', `'pool'`],
    ['cause', `'credits'`],
  ] as const) {
    await post(columns, values)
    await expect(post(columns, values)).rejects.toThrow(/[Uu]nique/)
  }
  await run(`update keymint.announcements set taken_down_at = now()`)
  await post('line, ends_at', `'the next', now()`)

  const ask = () =>
    run(`insert into keymint.limit_requests (claim_id, workshop_slug, more_usd, reason)
      values ('${claim.claimId}', 'w', 1, 'why')`)
  const decide = (assignment: string) => run(`update keymint.limit_requests set ${assignment}`)
  await ask()
  await expect(ask()).rejects.toThrow(/[Uu]nique/)
  await expect(decide(`state = 'refused'`)).rejects.toThrow(/limit_request_decided/)
  await expect(decide(`state = 'approved', decided_at = now()`)).rejects.toThrow(
    /limit_request_granted/,
  )
  await decide(`state = 'refused', decided_at = now()`)
  await ask()
  await world.db.$transaction([
    world.db.$executeRaw`update keymint.keys set off_ended_at = now(), sealed = null`,
    world.db
      .$executeRaw`update keymint.workshop_attendance set state = 'ended', reason = 'expired'`,
  ])
  const states = await world.db.limitRequest.findMany({ orderBy: { askedAt: 'asc' } })
  expect(states.map(({ state }) => state)).toEqual(['refused', 'ended'])
})

test('a key has one hold at a time, which says who lifted it and for how long', async () => {
  await using world = await openWorld()
  const { claimId } = await readyClaim(world)
  const hold = (rate = '0.5') =>
    world.db
      .$executeRawUnsafe(`insert into keymint.runaway_holds (claim_id, generation, per_minute_usd)
      values ('${claimId}', 1, ${rate})`)
  const lift = (assignment: string) =>
    world.db.$executeRawUnsafe(`update keymint.runaway_holds set ${assignment}`)
  await hold()
  await expect(hold()).rejects.toThrow(/[Uu]nique/)
  await expect(hold('0')).rejects.toThrow(/runaway_hold_rate/)
  await expect(lift('lifted_at = now()')).rejects.toThrow(/runaway_hold_lifted/)
  await expect(lift(`lifted_by = 'nobody'`)).rejects.toThrow(/runaway_hold/)
  await lift(`lifted_at = now(), lifted_by = 'holder', quiet_until = now()`)
  await hold()
})

test('a spare goes one way, to one claim, and takes its money with it', async () => {
  await using world = await openWorld()
  const { claimId } = await readyClaim(world)
  const spare = (id: string, rest: string) =>
    world.db.$executeRawUnsafe(`
      insert into keymint.spares (id, workshop_slug, state, limit_usd, expires_at, allowed_models, claim_id,
        committed_usd, ended_at)
      values ('00000000-0000-4000-8000-00000000000${id}', 'test-workshop', ${rest})`)
  await spare('1', `'ready', 2, now(), '{}', null, 2, null`)
  await expect(spare('2', `'taken', 2, now(), '{}', null, 0, now()`)).rejects.toThrow(/spare_taken/)
  await expect(spare('2', `'taken', 2, now(), '{}', '${claimId}', 2, now()`)).rejects.toThrow(
    /spare_taken/,
  )
  await expect(spare('2', `'ended', 2, now(), '{}', null, 2, null`)).rejects.toThrow(/spare_over/)
  await spare('2', `'pending', 2, now(), '{}', null, 2, null`)
  const take = (id: string) =>
    world.db.$executeRawUnsafe(`
      update keymint.spares set state = 'taken', claim_id = '${claimId}', committed_usd = 0, ended_at = now()
      where id = '00000000-0000-4000-8000-00000000000${id}'`)
  await expect(take('2')).rejects.toThrow(/cannot go from pending to taken/)
  await world.db.$executeRaw`update keymint.spares set state = 'ready'`
  await take('1')
  await expect(take('2')).rejects.toThrow(/unique|23505/)
  await expect(
    world.db.$executeRaw`
      update keymint.spares set state = 'ready', claim_id = null, ended_at = null where state = 'taken'`,
  ).rejects.toThrow(/cannot go from taken to ready/)
})

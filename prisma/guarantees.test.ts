/** What the database itself holds, whoever writes to it. */
import pg from 'pg'
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

/** Rows of every table of ours, as its owner sees them. */
async function countRows(world: World): Promise<Record<string, number>> {
  const tables = await world.db.$queryRaw<
    { name: string }[]
  >`select tablename as name from pg_tables where schemaname = 'keymint' order by 1`
  const counts: Record<string, number> = {}
  for (const { name } of tables)
    counts[name] =
      (
        await world.db.$queryRawUnsafe<{ rows: number }[]>(
          `select count(*)::int as rows from keymint.${name}`,
        )
      )[0]?.rows ?? -1
  return counts
}

test('another ordinary role of the same database sees no schema, no row and no job', async () => {
  await using world = await openWorld()
  await readyClaim(world)
  const role = `stranger_${Math.random().toString(36).slice(2, 10)}`
  const before = await countRows(world)
  await world.db.$executeRawUnsafe(`create role ${role} login password 'stranger'`)
  const url = new URL(world.database.url)
  url.username = role
  url.password = 'stranger'
  url.search = ''
  const stranger = new pg.Client({ connectionString: url.href })
  await stranger.connect()
  try {
    const tables = await world.db.$queryRaw<
      { schema: string; name: string; kind: string; rls: boolean }[]
    >`
      select n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relrowsecurity as rls
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('keymint', 'pgboss') and c.relkind in ('r', 'p', 'v')`
    expect(tables.length).toBeGreaterThan(15)
    const ours = tables.filter(
      ({ schema, name, kind }) =>
        schema === 'keymint' && kind === 'r' && name !== '_prisma_migrations',
    )
    expect(ours.filter(({ rls }) => !rls)).toEqual([])

    // The schemas are not visible, and no table or view of theirs gives a row or takes one.
    expect(
      (
        await stranger.query(
          `select 1 from information_schema.tables where table_schema in ('keymint', 'pgboss')`,
        )
      ).rowCount,
    ).toBe(0)
    expect(
      (
        await stranger.query(
          `select 1 from information_schema.schemata where schema_name in ('keymint', 'pgboss')`,
        )
      ).rowCount,
    ).toBe(0)
    for (const { schema, name } of tables) {
      for (const statement of [
        `select * from ${schema}.${name}`,
        `insert into ${schema}.${name} default values`,
        `delete from ${schema}.${name}`,
        `truncate ${schema}.${name}`,
      ]) {
        await expect(stranger.query(statement), statement).rejects.toThrow(/permission denied/)
      }
    }

    // Row level security is the second wall: it stands also when somebody grants everything.
    await world.db.$executeRawUnsafe(`grant usage on schema keymint to ${role}`)
    await world.db.$executeRawUnsafe(
      `grant select, insert, update, delete on all tables in schema keymint to ${role}`,
    )
    await world.db.$executeRawUnsafe(`grant usage on all sequences in schema keymint to ${role}`)
    for (const { name } of ours) {
      expect((await stranger.query(`select * from keymint.${name}`)).rowCount, name).toBe(0)
      await expect(
        stranger.query(`insert into keymint.${name} default values`),
        name,
      ).rejects.toThrow(/row-level security|null value|violates|permission denied/)
      const [column] = (
        await stranger.query<{ column_name: string }>(
          `
            select column_name from information_schema.columns where table_schema = 'keymint'
              and table_name = $1 and is_generated = 'NEVER' and is_identity = 'NO'
              order by ordinal_position limit 1`,
          [name],
        )
      ).rows
      expect(
        (
          await stranger.query(
            `update keymint.${name} set ${column?.column_name} = ${column?.column_name}`,
          )
        ).rowCount,
        name,
      ).toBe(0)
    }
    expect(await countRows(world), 'nothing was written or removed').toEqual(before)
    expect(Object.values(before).some((rows) => rows > 0)).toBe(true)
  } finally {
    await stranger.end()
    await world.db.$executeRawUnsafe(`drop owned by ${role}`)
    await world.db.$executeRawUnsafe(`drop role ${role}`)
  }
})

test('an attempt is never deleted, and never leaves saved or condemned', async () => {
  await using world = await openWorld()
  await readyClaim(world)
  const { db } = world
  await expect(db.$executeRaw`delete from keymint.mint_attempts`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`truncate keymint.mint_attempts cascade`).rejects.toThrow(
    /append-only/,
  )
  await expect(db.$executeRaw`delete from keymint.mints`).rejects.toThrow(/violates/)
  for (const state of ['sent', 'unknown', 'refused', 'condemned'])
    await expect(db.$executeRaw`update keymint.mint_attempts set state = ${state}`).rejects.toThrow(
      /stays so/,
    )
})

test('of all attempts of a mint one at most is saved', async () => {
  await using world = await openWorld()
  await readyClaim(world)
  const saved = await world.db.mintAttempt.findFirstOrThrow()
  const second = {
    id: crypto.randomUUID(),
    mintId: saved.mintId,
    token: crypto.randomUUID(),
    name: 'another',
    state: 'saved',
  }
  await expect(world.db.mintAttempt.create({ data: second })).rejects.toThrow(/[Uu]nique/)
})

test('the audit trail cannot be changed, deleted or emptied; its chain is filled in once', async () => {
  await using world = await openWorld()
  await readyClaim(world)
  const { db } = world
  for (const change of [
    `actor = 'nobody'`,
    `details = '{}'::jsonb || '{"a":1}'`,
    `at = now()`,
    `subject = 'x'`,
    `workshop_slug = null`,
    `prev_hash = 'x'`,
    `hash = 'x', actor = 'nobody'`,
  ]) {
    await expect(
      db.$executeRawUnsafe(`update keymint.audit_events set ${change}`),
      change,
    ).rejects.toThrow(/append-only/)
  }
  await expect(db.$executeRaw`delete from keymint.audit_events`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`truncate keymint.audit_events`).rejects.toThrow(/append-only/)
  for (const half of [
    `hash = 'h'`,
    `hash = 'h', prev_hash = 'p'`,
    `chain_seq = id`,
    `chain_seq = id, hash = 'h', prev_hash = 'p', xid = '1'`,
  ]) {
    await expect(
      db.$executeRawUnsafe(`update keymint.audit_events set ${half}`),
      half,
    ).rejects.toThrow(/append-only/)
  }
  for (const [column, value] of [
    ['chain_seq', '1'],
    ['hash', `'h'`],
    ['xid', `'1'`],
  ]) {
    const insert = `
      insert into keymint.audit_events (actor, action, subject, ${column})
      values ('worker', 'a.b', 'c:d', ${value})`
    await expect(db.$executeRawUnsafe(insert), column).rejects.toThrow(/append-only/)
  }
  expect(
    await db.$executeRaw`update keymint.audit_events set chain_seq = id, hash = 'h', prev_hash = 'p'`,
  ).toBeGreaterThan(0)
  for (const change of [
    `hash = 'other'`,
    `chain_seq = chain_seq + 1000`,
    `chain_seq = null, hash = null, prev_hash = null`,
    `actor = 'nobody'`,
  ]) {
    await expect(
      db.$executeRawUnsafe(`update keymint.audit_events set ${change}`),
      change,
    ).rejects.toThrow(/append-only/)
  }
  await expect(db.$executeRaw`delete from keymint.audit_events`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`truncate keymint.audit_events`).rejects.toThrow(/append-only/)
})

test('a claim moves only along its life, and its key with it', async () => {
  await using world = await openWorld()
  const claim = await readyClaim(world)
  const run = (...statements: string[]) =>
    world.db.$transaction(statements.map((statement) => world.db.$executeRawUnsafe(statement)))
  const claimTo = (assignment: string) =>
    `update keymint.workshop_attendance set ${assignment} where claim_id = '${claim.claimId}'`
  const set = (assignment: string) => run(claimTo(assignment))
  const over = `update keymint.keys set off_ended_at = now(), sealed = null`
  await expect(set(`state = 'pending'`)).rejects.toThrow(/may not go/)
  await expect(set(`state = 'refused', reason = 'x'`)).rejects.toThrow(/may not go/)
  await expect(set(`generation = generation + 1`)).rejects.toThrow(/may not go/)
  await expect(set(`state = 'ended', reason = 'expired'`)).rejects.toThrow(/does not fit/)
  await expect(run(over, claimTo(`state = 'ended'`))).rejects.toThrow(/claim_reason/)
  await expect(set(`committed_usd = -1`)).rejects.toThrow(/claim_money/)
  await run(over, claimTo(`state = 'ended', reason = 'expired'`))
  await expect(set(`state = 'ready', reason = null`)).rejects.toThrow(/may not go/)
  await expect(set(`state = 'pending', reason = null`)).rejects.toThrow(/may not go/)
  const next = `state = 'pending', reason = null, generation = generation`
  await expect(set(`${next} + 2`)).rejects.toThrow(/may not go/)
  await expect(set(`${next} + 1`), 'the old key still stands there').rejects.toThrow(/does not fit/)
  const nextKey = `
    with mint as (
      insert into keymint.mints (holder_kind, holder_id, generation, scope, account, limit_usd,
        expires_at, allowed_models)
      select holder_kind, holder_id, 2, scope, account, limit_usd, expires_at, allowed_models
      from keymint.mints
      returning id, holder_kind, holder_id, scope, account, limit_usd, expires_at)
    insert into keymint.keys (installation, holder_kind, holder_id, generation, scope, account,
      limit_usd, expires_at, mint_id)
    select '000000000000', holder_kind, holder_id, 2, scope, account, limit_usd, expires_at, id
    from mint`
  await run(claimTo(`${next} + 1`), nextKey)
  // Taken back before its key was made, and claimed again.
  await set(`state = 'ended', reason = 'revoked'`)
  await set(`${next} + 1`)
  await set(`state = 'refused', reason = 'gave-up'`)
  await expect(set(`state = 'ended'`)).rejects.toThrow(/may not go/)
})

test('what a claim says of its key is a copy that only the row of the key changes', async () => {
  await using world = await openWorld()
  const { orKeyHash } = await readyClaim(world)
  for (const column of [
    'or_key_hash = null',
    `or_key_plaintext = 'x'`,
    'usage_usd = 1',
    'settled_at = now()',
    'disabled_at = now()',
  ])
    await expect(
      world.db.$executeRawUnsafe(`update keymint.workshop_attendance set ${column}`),
      column,
    ).rejects.toThrow(/is a copy/)
  await world.db.$executeRaw`update keymint.keys set used_usd = 0.5, off_staff_at = now()`
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect(claim).toMatchObject({ orKeyHash, disabledAt: expect.any(Date) as Date })
  expect(claim.usageUsd.toNumber()).toBe(0.5)
})

test('a key has a secret only while it lives, and is settled only when it is closed', async () => {
  await using world = await openWorld()
  await readyClaim(world)
  const set = (change: string) => world.db.$executeRawUnsafe(`update keymint.keys set ${change}`)
  await expect(set('off_ended_at = now()')).rejects.toThrow(/key_secret/)
  await expect(set('off_replaced_at = now()')).rejects.toThrow(/key_secret/)
  await expect(set('hash = null')).rejects.toThrow(/key_saved/)
  await expect(set('limit_usd = 0')).rejects.toThrow(/key_money/)
  await expect(set('settled_at = now()')).rejects.toThrow(/key_settled/)
  await expect(
    world.db.$executeRaw`update keymint.key_windows set reserved_usd = -1`,
  ).rejects.toThrow(/window_reserved/)
  await expect(world.db.$executeRaw`delete from keymint.keys`).rejects.toThrow(/violates/)
})

test('people without an address may each claim, and each of them once', async () => {
  await using world = await openWorld()
  const [one, two] = await world.people(2, { emailNormalized: null })
  const row = (userId: string) => ({
    userId,
    workshopSlug: 'giveaway',
    emailNormalized: null,
    provider: 'github',
    limitUsd: 1,
    expiresAt: new Date(Date.now() + 60_000),
    allowedModels: [],
  })
  await world.db.workshopAttendance.create({ data: row(one!.userId) })
  await world.db.workshopAttendance.create({ data: row(two!.userId) })
  await expect(world.db.workshopAttendance.create({ data: row(one!.userId) })).rejects.toThrow(
    /[Uu]nique/,
  )
})

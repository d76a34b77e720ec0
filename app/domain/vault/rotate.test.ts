/**
 * Rotation of ENCRYPTION_KEY by the real command line, killed again and again while the app reads
 * and writes.
 */
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSealer } from '~/adapters/sealing.server'
import { rounds } from '../../../tests/rounds'
import { openTeam } from '../../../tests/team'
import { openWorld, type World } from '../../../tests/world'
import { banPerson } from '../people/ban.server'
import { erasePerson } from '../people/erase.server'
import { deploymentAccount, masterKeyPlace } from '../keys/accounts.server'
import { keyPlace } from '../keys/mint-attempt.server'
import { rotateVault } from './rotate.server'

/**
 * By the id of the row that is sealed: a key's own, which the claim holds a copy of, or a master
 * key's.
 */
type Secrets = Map<string, { table: 'key' | 'master'; secret: string; teamId: string }>

const placeInTeam = (id: string, generation: number, teamId: string) =>
  masterKeyPlace({ id, generation, teamId, service: 'litellm', baseUrl: null, settings: {} })

/** Claims with keys and master keys, sealed as the app seals them. */
async function fill(
  world: World,
  sealer: ReturnType<typeof createSealer>,
  counts: { claims: number; masterKeys: number },
): Promise<Secrets> {
  const secrets: Secrets = new Map()
  const people = await world.people(counts.claims)
  const expiresAt = new Date(Date.now() + 86_400_000)
  const drafts = people.map(({ userId }) => ({
    userId,
    claimId: randomUUID(),
    mintId: randomUUID(),
    keyId: randomUUID(),
    secret: `sk-or-v1-${randomBytes(32).toString('hex')}`,
  }))
  await world.db.workshopAttendance.createMany({
    data: drafts.map(({ userId, claimId }) => ({
      userId,
      workshopSlug: 'test-workshop',
      claimId,
      provider: 'github',
      state: 'ready',
      limitUsd: '2',
      expiresAt,
      allowedModels: [],
    })),
  })
  const common = {
    holderKind: 'claim',
    generation: 1,
    scope: 'test-workshop',
    account: deploymentAccount,
    limitUsd: '2',
    expiresAt,
  }
  await world.db.mint.createMany({
    data: drafts.map(({ claimId, mintId }) => ({
      ...common,
      id: mintId,
      holderId: claimId,
      state: 'done',
      allowedModels: [],
    })),
  })
  await world.db.key.createMany({
    data: drafts.map(({ claimId, mintId, keyId, secret }) => {
      secrets.set(keyId, { table: 'key', secret, teamId: '' })
      return {
        ...common,
        id: keyId,
        installation: world.ctx.installationId,
        holderId: claimId,
        mintId,
        hash: keyId,
        label: 'sk-…',
        sealed: sealer.seal(secret, keyPlace(keyId, 1)),
        savedAt: new Date(),
      }
    }),
  })
  const { teamId, ownerId } = await openTeam(world)
  await world.db.masterKey.createMany({
    data: Array.from({ length: counts.masterKeys }, () => {
      const [id, secret] = [randomUUID(), `sk-${randomBytes(24).toString('base64url')}`]
      secrets.set(id, { table: 'master', secret, teamId })
      return {
        id,
        teamId,
        service: 'litellm',
        label: 'sk-…',
        sealed: sealer.sealForVault(secret, placeInTeam(id, 1, teamId)),
        verifiedAt: new Date(),
        createdBy: ownerId,
      }
    }),
  })
  return secrets
}

const readOne = async (world: World, id: string, table: 'key' | 'master') =>
  table === 'master'
    ? (await world.db.masterKey.findUniqueOrThrow({ where: { id } })).sealed!
    : (await world.db.key.findUniqueOrThrow({ where: { id } })).sealed!
const placeOf = (id: string, table: 'key' | 'master', teamId: string) =>
  table === 'master' ? placeInTeam(id, 1, teamId) : keyPlace(id, 1)
/** Claims whose copy of the envelope is not their key's own. */
const staleCopies = async (world: World) => {
  const [row] = await world.db.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from keymint.workshop_attendance c
      join keymint.keys k on k.holder_kind = 'claim' and k.holder_id = c.claim_id
    where c.or_key_plaintext is distinct from k.sealed`
  return row!.count
}

/**
 * The command line in a process of its own; `killAfter` kills it at once once it has printed so
 * many lines of progress.
 */
function runCli(
  world: World,
  encryptionKey: string,
  killAfter: number | null,
  more: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'app/cli/vault-rotate.ts'], {
    env: {
      NODE_ENV: 'test',
      DATABASE_URL: world.database.url,
      APP_ORIGIN: 'http://localhost:3000',
      SESSION_SECRET: 'x'.repeat(32),
      ENCRYPTION_KEY: encryptionKey,
      OPENROUTER_MANAGEMENT_KEY: 'x',
      GITHUB_CLIENT_ID: 'x',
      GITHUB_CLIENT_SECRET: 'x',
      GOOGLE_CLIENT_ID: 'x',
      GOOGLE_CLIENT_SECRET: 'x',
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const listen = (chunk: Buffer) => {
    output += chunk.toString()
    if (killAfter !== null && (output.match(/sealed again,/g)?.length ?? 0) >= killAfter)
      child.kill('SIGKILL')
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  return new Promise((resolve) => child.once('exit', (code) => resolve({ code, output })))
}

const kills = rounds(20)

// Nothing is left on the old key, and every read meanwhile succeeds.
test(`a rotation that is killed half-way and restarted (${kills} times) loses nothing`, async () => {
  await using world = await openWorld()
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
  const old = createSealer([oldKey])
  // Every process of the app has both keys by then, the new one first.
  const both = createSealer([newKey, oldKey])
  const secrets = await fill(world, old, { claims: 400 + kills * 100, masterKeys: 300 })
  const ids = [...secrets.keys()]
  const encryptionKey = [newKey, oldKey].map((key) => key.toString('base64')).join(',')

  const app = { reads: 0, wrong: 0, running: true }
  const reading = (async () => {
    for (let index = 0; app.running; index = (index + 7) % ids.length) {
      const id = ids[index]!
      const { table, secret, teamId } = secrets.get(id)!
      if (both.unseal(await readOne(world, id, table), placeOf(id, table, teamId)) !== secret)
        app.wrong++
      app.reads++
    }
  })()

  const onOldKey = async () => {
    const [left] = await world.db.$queryRaw<{ count: number }[]>`
      select ((select count(*) from keymint.keys where sealed like ${`v_.${old.newestKeyId}.%`})
        + (select count(*) from keymint.master_keys
        where sealed like ${`v_.${old.newestKeyId}.%`}))::int as count`
    return left!.count
  }
  let killed = 0
  for (; killed < kills; killed++) {
    const before = await onOldKey()
    const { code, output } = await runCli(world, encryptionKey, 1)
    expect(code, output).toBeNull()
    expect(output).not.toMatch(/sk-/)
    const after = await onOldKey()
    expect(after).toBeLessThan(before)
    expect(after, 'the rotation must be half-way').toBeGreaterThan(0)
  }
  expect(killed).toBe(kills)
  const last = await runCli(world, encryptionKey, null)
  expect(last, last.output).toMatchObject({
    code: 0,
    output: expect.stringContaining(`Nothing left on any key but ${both.newestKeyId}`) as string,
  })
  app.running = false
  await reading
  expect(await onOldKey()).toBe(0)
  expect(await staleCopies(world)).toBe(0)
  expect(app.reads).toBeGreaterThan(100)
  expect(app.wrong).toBe(0)

  // Without the old key, the new one opens every secret.
  const alone = createSealer([newKey])
  for (const [id, { table, secret, teamId }] of secrets)
    expect(alone.unseal(await readOne(world, id, table), placeOf(id, table, teamId))).toBe(secret)
}, 240_000)

// The next pass seals it.
test('a row that is written between the reading and the sealing keeps what was written', async () => {
  await using world = await openWorld()
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
  const old = createSealer([oldKey])
  const filled = await fill(world, old, { claims: 1, masterKeys: 1 })
  const [id, { teamId }] = [...filled].find(([, { table }]) => table === 'master')!
  const both = createSealer([newKey, oldKey])
  let written = false
  const sealer = {
    ...both,
    sealForVault: (secret: string, place: Parameters<typeof both.sealForVault>[1]) => {
      if (!written) {
        written = true
        // The owner replaces the credential in this very moment, in a process that knows only the
        // old key.
        replacing = world.db.masterKey.update({
          where: { id },
          data: {
            generation: 2,
            sealed: old.sealForVault('sk-the-replacement-of-it', placeInTeam(id, 2, teamId)),
          },
        })
      }
      return both.sealForVault(secret, place)
    },
  }
  let replacing: Promise<unknown> = Promise.resolve()
  const db = new Proxy(world.db, {
    get(target, property, receiver) {
      if (property !== '$executeRaw') return Reflect.get(target, property, receiver) as unknown
      return async (...query: Parameters<typeof target.$executeRaw>) => {
        await replacing
        return target.$executeRaw(...query)
      }
    },
  })
  const report = await rotateVault({ db, sealer })
  expect(report).toMatchObject({ unopenable: [], leftByKey: {}, unknownColumns: [] })
  const row = await world.db.masterKey.findUniqueOrThrow({ where: { id } })
  expect(createSealer([newKey]).unseal(row.sealed!, placeInTeam(id, 2, teamId))).toBe(
    'sk-the-replacement-of-it',
  )
})

// So are sealed values in a column that rotation does not know.
test('a row that no key can decrypt is reported and left as it is', async () => {
  await using world = await openWorld()
  const [oldKey, newKey, lostKey] = [randomBytes(32), randomBytes(32), randomBytes(32)]
  await fill(world, createSealer([oldKey]), { claims: 3, masterKeys: 2 })
  const lost = [
    ...(await fill(world, createSealer([lostKey]), { claims: 1, masterKeys: 0 })).keys(),
  ][0]!
  await world.db.$executeRaw`create table keymint.forgotten (note text)`
  const place = { table: 'forgotten', row: 'x', generation: 1 }
  const sealed = createSealer([oldKey]).seal('sk-something', place)
  await world.db.$executeRaw`insert into keymint.forgotten values (${sealed})`
  const report = await rotateVault({ db: world.db, sealer: createSealer([newKey, oldKey]) })
  expect(report).toEqual({
    resealed: 5,
    bound: 0,
    unopenable: [`keys ${lost}`],
    unknownColumns: ['forgotten.note'],
    leftByKey: { [createSealer([lostKey]).newestKeyId]: 1 },
  })
})

test('a credential that was sealed to its row alone is sealed to its service and address', async () => {
  await using world = await openWorld()
  const sealer = createSealer([randomBytes(32)])
  const secrets = await fill(world, sealer, { claims: 1, masterKeys: 3 })
  const masters = [...secrets].filter(([, { table }]) => table === 'master')
  for (const [id, { secret }] of masters)
    await world.db.masterKey.update({
      where: { id },
      data: {
        sealed: sealer.sealForVault(secret, { table: 'master_keys', row: id, generation: 1 }),
      },
    })
  const report = await rotateVault({ db: world.db, sealer })
  expect(report).toMatchObject({ resealed: 3, bound: 3, unopenable: [], leftByKey: {} })
  for (const [id, { secret, teamId }] of masters) {
    const envelope = await readOne(world, id, 'master')
    expect(envelope).toMatch(/^v3\./)
    expect(sealer.unseal(envelope, placeInTeam(id, 1, teamId))).toBe(secret)
  }
  expect(await rotateVault({ db: world.db, sealer })).toMatchObject({ resealed: 0, bound: 0 })
})

test('the command says which key bans need, and does not let it go', async () => {
  await using world = await openWorld()
  const [oldKey, newKey] = [world.encryptionKey, randomBytes(32)]
  const [person, staff] = await world.people(2)
  const { userId } = person!
  await banPerson(world.ctx, { userId, reason: 'test', actorUserId: staff!.userId })
  await erasePerson(world.ctx, { userId, because: 'asked' })
  const text = (keys: Buffer[]) => keys.map((key) => key.toString('base64')).join(',')
  const asked = await runCli(world, text([newKey, oldKey]), null)
  expect(asked.code, asked.output).toBe(1)
  expect(asked.output).toContain(
    `key ${createSealer([oldKey]).newestKeyId}, which only ENCRYPTION_KEY`,
  )
  const told = await runCli(world, text([newKey, oldKey]), null, {
    FINGERPRINT_KEY: text([oldKey]),
  })
  expect(told.code, told.output).toBe(0)
  expect(told.output).toMatch(/bans?, holds? (and|or) grants? stay as they are/)
}, 120_000)

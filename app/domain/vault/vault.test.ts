/**
 * Depositing, replacing and disabling master credentials, and what nobody can do with their
 * envelopes.
 */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSealer } from '~/adapters/sealing.server'
import { runMint } from '~/domain/keys/mint.server'
import { openWorld } from '../../../tests/world'
import { startLiteLlm } from '../../../simulators/litellm/server'
import { startOpenRouter } from '../../../simulators/openrouter/server'
import { MemoryService } from '../../../tests/memory-service'
import { openTeam, openTeamWithServices } from '../../../tests/team'
import { openAccount } from '../keys/accounts.server'
import { NotAllowed } from '../money/member-lock.server'
import { rotateVault } from './rotate.server'
import { depositKey, disableKey, enableKey, listMasterKeys, replaceKey } from './vault.server'
import { verifyKey } from './verify.server'

// In the clear it is in no column, no log line and no view.
test('a good credential is stored sealed, shown as a mask and audited', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const [litellm, openrouter] = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  const listed = await listMasterKeys(world.ctx, team.teamId)
  expect(listed).toMatchObject([
    {
      id: litellm,
      service: 'litellm',
      title: 'LiteLLM',
      baseUrl: team.litellm.baseUrl,
      state: 'active',
      keys: 0,
      failure: null,
    },
    { id: openrouter, service: 'openrouter', title: 'OpenRouter', baseUrl: null },
  ])
  expect((await openAccount(world.ctx, litellm))?.credential).toEqual({
    secret: team.litellm.masterKey,
    baseUrl: team.litellm.baseUrl,
  })
  const everything = JSON.stringify([
    await world.db.masterKey.findMany(),
    await world.db.auditEvent
      .findMany()
      .then((events) => events.map((event) => ({ ...event, id: 0 }))),
    listed,
    world.logLines,
  ])
  for (const secret of [team.litellm.masterKey, world.upstream.managementKey])
    expect(everything).not.toContain(secret)
  expect(
    (
      await world.db.auditEvent.findMany({
        where: { action: { startsWith: 'vault.' } },
        orderBy: { id: 'asc' },
      })
    ).map(({ actor, action, subject }) => [actor, action, subject]),
  ).toEqual([
    [`user:${team.userId}`, 'vault.deposited', `master-key:${litellm}`],
    [`user:${team.userId}`, 'vault.deposited', `master-key:${openrouter}`],
  ])
})

test('what the service does not accept is refused with a reason, and nothing is stored', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const common = { teamId: team.teamId, scope: team.scope, userId: team.userId }
  const events = await world.db.auditEvent.count()
  for (const input of [
    { reason: 'unknown-service', service: 'nothing', secret: 'sk-123456', baseUrl: null },
    { reason: 'no-credential', service: 'openrouter', secret: '   ', baseUrl: null },
    { reason: 'bad-credential', service: 'openrouter', secret: 'two words here', baseUrl: null },
    {
      reason: 'address-not-used',
      service: 'openrouter',
      secret: world.upstream.managementKey,
      baseUrl: 'https://elsewhere.example',
    },
    { service: 'openrouter', secret: `sk-or-v1-${'0'.repeat(64)}`, baseUrl: null },
    { service: 'litellm', secret: team.litellm.masterKey, baseUrl: null },
    { service: 'litellm', secret: team.litellm.masterKey, baseUrl: 'ftp://proxy.example' },
    { service: 'litellm', secret: 'sk-a-wrong-master-key', baseUrl: team.litellm.baseUrl },
    { service: 'litellm', secret: team.litellm.masterKey, baseUrl: 'http://127.0.0.1:1' },
  ]) {
    const { reason, ...credential } = { reason: null, ...input }
    const outcome = await depositKey(world.ctx, { ...common, ...credential })
    expect(outcome, JSON.stringify(input)).toMatchObject(
      reason === null
        ? {
            kind: 'refused',
            reason: 'service-refused',
            service: input.service === 'litellm' ? 'LiteLLM' : 'OpenRouter',
            problem: expect.objectContaining({ code: expect.any(String) as string }) as object,
          }
        : { kind: 'refused', reason },
    )
    expect(JSON.stringify(outcome)).not.toContain(input.secret.trim() || 'nothing at all')
  }
  expect(await world.db.masterKey.count()).toBe(0)
  expect(await world.db.auditEvent.count()).toBe(events)
})

test('a replacement opens under the next generation, and the envelope before it, put back, does not', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  const before = await world.db.masterKey.findUniqueOrThrow({ where: { id } })
  const input = {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: id,
    userId: team.userId,
    secret: ` ${team.litellm.masterKey} \n`,
    baseUrl: `${team.litellm.baseUrl}/`,
  }
  expect(await replaceKey(world.ctx, input)).toEqual({ kind: 'replaced' })
  expect(await world.db.masterKey.findUniqueOrThrow({ where: { id } })).toMatchObject({
    generation: 2,
    label: before.label,
    replacedAt: expect.any(Date) as Date,
  })
  expect((await openAccount(world.ctx, id))?.credential.secret).toBe(team.litellm.masterKey)
  await world.db.masterKey.update({ where: { id }, data: { sealed: before.sealed } })
  await expect(openAccount(world.ctx, id)).rejects.toThrow('cannot be opened')
  await world.db.masterKey.update({ where: { id }, data: { generation: 1 } })
  expect((await openAccount(world.ctx, id))?.credential.secret).toBe(team.litellm.masterKey)
  expect(await replaceKey(world.ctx, { ...input, teamId: crypto.randomUUID() })).toBeNull()
})

test('a row whose address, service or team was changed does not open, and nothing is sent there', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  const before = await world.db.masterKey.findUniqueOrThrow({ where: { id } })
  const elsewhere = await startLiteLlm()
  world.onClose(() => elsewhere.stop())
  const calls = async () =>
    (await fetch(`${elsewhere.baseUrl}/__sim/calls`)).json() as Promise<unknown>
  const none = await calls()
  const other = await openTeam(world)
  const by = { teamId: team.teamId, scope: team.scope, userId: team.userId, masterKeyId: id }
  for (const change of [
    { baseUrl: elsewhere.baseUrl },
    { baseUrl: null },
    { service: 'openrouter' },
    { teamId: other.teamId },
  ]) {
    await world.db.masterKey.update({ where: { id }, data: change })
    await expect(openAccount(world.ctx, id), JSON.stringify(change)).rejects.toThrow('cannot be')
    if (!('teamId' in change)) {
      expect(await verifyKey(world.ctx, by)).toEqual({ kind: 'refused', reason: 'seal-broken' })
      const [listed] = await listMasterKeys(world.ctx, team.teamId)
      expect(listed?.parked?.reason).toBe('seal-broken')
    }
    const { baseUrl, service, teamId } = before
    await world.db.masterKey.update({ where: { id }, data: { baseUrl, service, teamId } })
  }
  expect(await calls()).toEqual(none)

  // The owner replaces it, and all goes on.
  await world.db.masterKey.update({ where: { id }, data: { baseUrl: elsewhere.baseUrl } })
  const good = { secret: team.litellm.masterKey, baseUrl: team.litellm.baseUrl }
  expect(await replaceKey(world.ctx, { ...by, ...good })).toEqual({ kind: 'replaced' })
  expect(await verifyKey(world.ctx, by)).toEqual({ kind: 'verified' })
  expect((await listMasterKeys(world.ctx, team.teamId))[0]?.parked).toBeNull()
})

test('a row whose settings were changed does not open', async () => {
  await using world = await openWorld()
  const settings = { iamAddress: 'https://iam.example.org', boundary: 'arn:aws:iam::1:policy/b' }
  const fields = Object.keys(settings).map((name) => ({
    name,
    label: name,
    kind: 'text' as const,
    required: false,
  }))
  const service = new MemoryService(() => world.ctx.now(), 'entered')
  const adapter = Object.assign(service, {
    capabilities: { ...service.capabilities, fields: [...service.capabilities.fields, ...fields] },
  })
  world.ctx.services = new Map([...world.ctx.services, [adapter.service, adapter]])
  const team = await openTeam(world)
  const secret = 'memory-credential'
  const by = { teamId: team.teamId, scope: team.scope, userId: team.ownerId }
  const deposited = await depositKey(world.ctx, {
    ...by,
    service: adapter.service,
    secret,
    baseUrl: null,
    settings,
  })
  if (deposited.kind === 'refused') throw new Error(deposited.reason)
  const id = deposited.masterKeyId
  const held = { secret, baseUrl: null, settings }
  expect((await openAccount(world.ctx, id))?.credential).toEqual(held)
  for (const changed of [
    { ...settings, iamAddress: 'https://else.example.org' },
    { iamAddress: settings.iamAddress },
    { ...settings, more: 'x' },
    {},
  ]) {
    await world.db.masterKey.update({ where: { id }, data: { settings: changed } })
    await expect(openAccount(world.ctx, id), JSON.stringify(changed)).rejects.toThrow('cannot be')
  }
  await world.db.masterKey.update({ where: { id }, data: { settings } })

  // Another key of Keymint's own seals it with the same settings.
  const sealer = createSealer([randomBytes(32), world.encryptionKey])
  expect(await rotateVault({ db: world.db, sealer })).toMatchObject({ resealed: 1, unopenable: [] })
  world.ctx.sealer = sealer
  expect((await openAccount(world.ctx, id))?.credential).toEqual(held)
  await world.db.masterKey.update({ where: { id }, data: { settings: {} } })
  await expect(openAccount(world.ctx, id)).rejects.toThrow('cannot be')
  const input = { ...by, masterKeyId: id, secret, baseUrl: null }
  const other = { ...settings, boundary: 'arn:aws:iam::1:policy/c' }
  expect(await replaceKey(world.ctx, { ...input, settings: other })).toEqual({ kind: 'replaced' })
  expect((await openAccount(world.ctx, id))?.credential).toEqual({ ...held, settings: other })
})

test('a credential sealed before addresses were part of its seal opens once, and is sealed anew', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  const place = { table: 'master_keys', row: id, generation: 1 }
  const old = world.ctx.sealer.sealForVault(team.litellm.masterKey, place)
  expect(old).toMatch(/^v2\./)
  await world.db.masterKey.update({ where: { id }, data: { sealed: old } })
  expect((await openAccount(world.ctx, id))?.credential.secret).toBe(team.litellm.masterKey)
  expect((await world.db.masterKey.findUniqueOrThrow({ where: { id } })).sealed).toMatch(/^v3\./)
  await world.db.masterKey.update({ where: { id }, data: { baseUrl: 'https://else.example' } })
  await expect(openAccount(world.ctx, id)).rejects.toThrow('cannot be opened')
})

test("an envelope of another team's row does not open in this one", async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const [mine, theirs] = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  const { sealed } = await world.db.masterKey.findUniqueOrThrow({ where: { id: theirs } })
  await world.db.masterKey.update({ where: { id: mine }, data: { sealed } })
  await expect(openAccount(world.ctx, mine)).rejects.toThrow('cannot be opened')
})

test('a replacement frees what waited for the old credential, and of two at once one wins', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  await team.sim('POST', 'faults', { rules: [{ match: 'POST /key/generate', fault: '401' }] })
  const { keyId, mintId } = await team.request(id)
  await runMint(world.ctx, mintId)
  expect(await listMasterKeys(world.ctx, team.teamId)).toMatchObject([
    { failure: { reason: 'unauthorized' } },
  ])
  await team.sim('DELETE', 'faults')
  const input = {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: id,
    userId: team.userId,
    secret: team.litellm.masterKey,
    baseUrl: team.litellm.baseUrl,
  }
  const outcomes = await Promise.all([
    replaceKey(world.ctx, input),
    replaceKey(world.ctx, input),
    replaceKey(world.ctx, input),
  ])
  expect(outcomes.filter((outcome) => outcome?.kind === 'replaced').length).toBeGreaterThan(0)
  const { generation } = await world.db.masterKey.findUniqueOrThrow({ where: { id } })
  expect(generation).toBe(1 + outcomes.filter((outcome) => outcome?.kind === 'replaced').length)
  expect((await openAccount(world.ctx, id))?.credential.secret).toBe(team.litellm.masterKey)
  expect(await runMint(world.ctx, mintId)).toEqual({ kind: 'done' })
  expect((await team.row(keyId)).state).toBe('ready')
  expect(await listMasterKeys(world.ctx, team.teamId)).toMatchObject([{ failure: null, keys: 1 }])
})

test('disabling and enabling happen once each, with their reasons in the audit, and not for another team', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const masterKeyId = await team.depositLiteLlm()
  const input = {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId,
    userId: team.userId,
    reason: 'leaked',
  }
  await expect(disableKey(world.ctx, { ...input, teamId: crypto.randomUUID() })).rejects.toThrow(
    'not an active owner',
  )
  expect([
    await disableKey(world.ctx, input),
    await disableKey(world.ctx, input),
    await enableKey(world.ctx, input),
    await enableKey(world.ctx, input),
  ]).toEqual([true, false, true, false])
  expect(
    (
      await world.db.auditEvent.findMany({
        where: { action: { in: ['vault.disabled', 'vault.enabled'] } },
        orderBy: { id: 'asc' },
      })
    ).map(({ action, workshopSlug, details }) => [action, workshopSlug, details]),
  ).toEqual([
    ['vault.disabled', team.scope, { reason: 'leaked' }],
    ['vault.enabled', team.scope, { reason: 'leaked' }],
  ])
})

test('verifying tells the owner when the service no longer accepts the credential', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const other = await startOpenRouter()
  const masterKeyId = await team.depositLiteLlm()
  const input = { teamId: team.teamId, userId: team.userId, masterKeyId }
  expect(await verifyKey(world.ctx, input)).toEqual({ kind: 'verified' })
  await team.sim('POST', 'faults', { rules: [{ match: 'GET /key/list', fault: '401' }] })
  expect(await verifyKey(world.ctx, input)).toMatchObject({
    reason: 'service-refused',
    problem: { code: 'provider-error', details: { reason: 'unauthorized' } },
  })
  await expect(verifyKey(world.ctx, { ...input, teamId: crypto.randomUUID() })).rejects.toThrow(
    NotAllowed,
  )
  await other.stop()
})

/**
 * `npm run reconcile` as a person runs it: dry by default, over several pages, in one workspace,
 * with an exit code for the result.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { makeWorkshop, openWorld, type World } from '../../tests/world'

function reconcile(
  world: World,
  args: string[],
  workspaceId?: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    DATABASE_URL: world.database.url,
    APP_ORIGIN: 'http://localhost:3000',
    SESSION_SECRET: 'x'.repeat(32),
    ENCRYPTION_KEY: world.encryptionKey.toString('base64'),
    OPENROUTER_MANAGEMENT_KEY: world.upstream.managementKey,
    OPENROUTER_BASE_URL: world.upstream.baseUrl,
    ...(workspaceId ? { OPENROUTER_WORKSPACE_ID: workspaceId } : {}),
    GITHUB_CLIENT_ID: 'x',
    GITHUB_CLIENT_SECRET: 'x',
    GOOGLE_CLIENT_ID: 'x',
    GOOGLE_CLIENT_SECRET: 'x',
    PROVISIONING_ENABLED: 'true',
    WORKSHOPS_DIR: 'simulators/no-such-folder',
  }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'app/cli/reconcile.ts', ...args],
      { env },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const json = (body: object, authorization = ''): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
  body: JSON.stringify(body),
})

test('a dry run changes nothing; --fix repairs what it reported, over pages, in its own workspace only', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop()] })
  const { data: second } = await world.call<{ data: { id: string } }>(
    '/api/v1/workspaces',
    json({ name: 'Second', slug: 'second' }, `Bearer ${world.upstream.managementKey}`),
  )
  const mint = await world.db.mint.create({
    data: {
      holderKind: 'claim',
      holderId: crypto.randomUUID(),
      generation: 1,
      scope: 'test-workshop',
      account: deploymentAccount,
      state: 'done',
      limitUsd: '2',
      expiresAt: new Date(),
      allowedModels: [],
    },
  })
  const attempts = Array.from({ length: 105 }, () => crypto.randomUUID()).map((id) => ({
    id,
    mintId: mint.id,
    token: crypto.randomUUID(),
    name: `km/${world.ctx.installationId}/test-workshop/${id}`,
    state: 'unknown',
  }))
  await world.db.mintAttempt.createMany({ data: attempts })
  // The same names in both workspaces: one deployment may touch only where it was told to look.
  for (const workspace_id of [undefined, second.id])
    await world.call(
      '/__sim/keys',
      json({
        keys: [
          ...attempts.map(({ name }) => ({ name, workspace_id })),
          ...Array.from({ length: 30 }, (_, index) => ({ name: `foreign-${index}`, workspace_id })),
        ],
      }),
    )
  const countIn = async (workspaceId?: string) =>
    (
      await listAllKeys(
        createOpenRouter({
          baseUrl: world.upstream.baseUrl,
          managementKey: world.upstream.managementKey,
          workspaceId,
        }),
      )
    ).length

  const dry = await reconcile(world, [], second.id)
  expect(dry.stdout).toContain('orphan: 105')
  expect(dry.stdout).toContain('105 of 105 remain; nothing was changed.')
  expect(dry.code).toBe(1)
  expect([await countIn(), await countIn(second.id)]).toEqual([135, 135])

  const fixed = await reconcile(world, ['--fix', '--json'], second.id)
  const report = JSON.parse(fixed.stdout) as {
    drifts: { outcome: string }[]
    remaining: number
    dryRun: boolean
  }
  expect(report).toMatchObject({ remaining: 0, dryRun: false, upstreamKeys: 135, ourKeys: 105 })
  expect(report.drifts.map((drift) => drift.outcome)).toEqual(
    Array.from({ length: 105 }, () => 'fixed'),
  )
  expect(fixed.code).toBe(0)
  expect([await countIn(), await countIn(second.id)]).toEqual([135, 30])

  const rerun = await reconcile(world, [], second.id)
  expect([rerun.code, rerun.stdout.includes('No differences.')]).toEqual([0, true])
  expect(await world.db.reconcileRun.findMany()).toMatchObject([
    { kind: 'fix', actor: 'operator', total: 105, fixed: 105 },
  ])

  await world.faults({ rules: [{ match: 'GET /keys', fault: '401' }] })
  const refused = await reconcile(world, ['--json'])
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toContain('unauthorized')
  expect((await reconcile(world, ['--force'])).code).toBe(2)
}, 180_000)

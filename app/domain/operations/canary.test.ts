/** The canary: it names the step that failed, and its key is removed. */
import { expect, test } from 'vitest'
import { everyKey, examine, readyWorld } from '../../../tests/readiness'
import { deploymentAccount, openAccount } from '../keys/accounts.server'
import { listAccount } from '../keys/read-account.server'
import { testedDeployment } from './readiness.server'

test.each([
  {
    rules: [{ match: 'POST /keys', fault: '402' }],
    sentence: 'No key could be created. POST /keys: no-credit (402)',
    keys: 0,
  },
  {
    rules: [{ match: 'POST /keys', fault: 'reset-after' }],
    sentence: 'No key could be created. POST /keys: connection-lost',
    keys: 1,
  },
  {
    rules: [{ match: 'POST /guardrails/*/assignments/keys', fault: 'undercount', skip: 1 }],
    sentence: 'The key was not assigned',
    keys: 1,
  },
  {
    rules: [{ match: 'POST /guardrails/*/assignments/keys', fault: '403' }],
    sentence: 'A key can be created but not assigned',
    keys: 1,
  },
  {
    rules: [{ match: 'GET /keys/*', fault: '500', times: 1 }],
    sentence: 'A key was created but could not be read back',
    keys: 1,
  },
])(
  'a canary that meets $rules.0.fault says what failed and is still removed',
  async ({ rules, sentence, keys }) => {
    await using world = await readyWorld()
    await world.faults({ rules })
    const { found } = await examine(testedDeployment(world.ctx), { canary: true })
    expect(found('canary')).toMatchObject({
      severity: 'error',
      sentence: expect.stringContaining(sentence) as string,
    })
    const after = await everyKey(world)
    expect([after.count, after.live]).toEqual([keys, 0])
  },
)

test('a canary that could not be deleted is removed by the next check and ignored by reconcile', async () => {
  await using world = await readyWorld()
  await world.faults({ rules: [{ match: 'DELETE /keys/*', fault: '500' }] })
  expect(
    (await examine(testedDeployment(world.ctx), { canary: true })).found('canary'),
  ).toMatchObject({
    severity: 'warning',
    sentence: expect.stringContaining('could not be deleted yet') as string,
  })
  await world.clearFaults()
  const account = await openAccount(world.ctx, deploymentAccount)
  const signal = AbortSignal.timeout(30_000)
  expect(await listAccount(world.ctx, account!, { signal })).toMatchObject({
    orphansDeleted: 0,
    orphansLeft: 0,
    unexplained: [],
  })
  expect((await everyKey(world)).live).toBe(1)
  await world.db
    .$executeRaw`update keymint.doctor_canaries set sent_at = sent_at - interval '10 minutes'`
  expect((await examine(testedDeployment(world.ctx), { canary: true })).severities.canary).toBe(
    'ok',
  )
  expect((await everyKey(world)).live).toBe(0)
  expect(await world.db.doctorCanary.count({ where: { deletedAt: null } })).toBe(0)
})

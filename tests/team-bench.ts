/**
 * A team's side of a test world: a team, its owner, a LiteLLM proxy, and sub-keys in a table of the
 * test's own, so that the mint engine can be asked for them without the pages and the ledger of the
 * team's door.
 */
import { randomUUID } from 'node:crypto'
import type { Holder } from '~/domain/holder'
import { depositKey } from '~/domain/vault/vault.server'
import { startLiteLlm } from '../simulators/litellm/server'
import type { World } from './test-world'

const kind = 'sub-key'
const scope = 'team.a-team'

export type TeamBench = Awaited<ReturnType<typeof openTeamBench>>

export async function openTeamBench(world: World) {
  const litellm = await startLiteLlm()
  world.onClose(() => litellm.stop())
  const [owner] = await world.people(1)
  const teamId = randomUUID()
  const [teams] = await world.db.$queryRaw<
    { there: boolean }[]
  >`select to_regclass('keymint.teams') is not null as there`
  if (teams?.there)
    await world.db.$executeRaw`
        insert into keymint.teams (id, slug, name, created_by)
          values (${teamId}::uuid, ${`team-${teamId.slice(0, 8)}`}, 'A team for tests', ${owner!.userId})`
  await openTestKeys(world)
  const sim = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${litellm.baseUrl}/__sim/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as T
  }
  const deposit = async (
    service: string,
    credential: { secret: string; baseUrl: string | null },
  ) => {
    const outcome = await depositKey(world.ctx, {
      teamId,
      scope,
      userId: owner!.userId,
      service,
      ...credential,
    })
    if (outcome.kind === 'refused') throw new Error(outcome.reason)
    return outcome.masterKeyId
  }
  return {
    litellm,
    teamId,
    scope,
    userId: owner!.userId,
    sim,
    deposit,
    depositLiteLlm: () =>
      deposit('litellm', { secret: litellm.masterKey, baseUrl: litellm.baseUrl }),
    depositOpenRouter: () =>
      deposit('openrouter', { secret: world.upstream.managementKey, baseUrl: null }),
    /** A sub-key that waits for its mint; with a job when asked. */
    async request(
      account: string,
      change: Partial<{
        limitReset: string | null
        expiresAt: Date
        models: string[]
        queue: boolean
      }> = {},
    ) {
      const [holderId, mintId] = [randomUUID(), randomUUID()]
      await world.db.$transaction(async (tx) => {
        await tx.$executeRaw`insert into keymint.test_keys (id) values (${holderId}::uuid)`
        await tx.mint.create({
          data: {
            id: mintId,
            holderKind: kind,
            holderId,
            generation: 1,
            scope,
            limitUsd: '2',
            limitReset: change.limitReset ?? null,
            expiresAt: change.expiresAt ?? new Date(Date.now() + 86_400_000),
            allowedModels: change.models ?? [],
            account,
          },
        })
        if (change.queue)
          await world.ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })
      })
      return { holderId, mintId }
    },
    async keyOf(holderId: string) {
      type Row = {
        state: string
        reason: string | null
        keyId: string | null
        sealed: string | null
      }
      const [row] = await world.db.$queryRaw<
        Row[]
      >`select state, reason, key_id as "keyId", sealed from keymint.test_keys where id = ${holderId}::uuid`
      return row!
    },
    place: (holderId: string) => testKeyOwner.place({ holderId, generation: 1 }),
  }
}

async function openTestKeys(world: World): Promise<void> {
  world.ctx.holders = { ...world.ctx.holders, [kind]: testKeyOwner }
  await world.db.$executeRaw`
    create table keymint.test_keys (id uuid primary key, state text not null default 'pending', reason text,
      key_id text, sealed text, generation integer not null default 1)`
  const [view] = await world.db.$queryRaw<
    { definition: string }[]
  >`select pg_get_viewdef('keymint.key_holders'::regclass) as definition`
  await world.db.$executeRawUnsafe(
    `
      create or replace view keymint.key_holders as ${view!.definition.replace(/;\s*$/, '')} union all
        select '${kind}'::text, id, generation, state = 'pending', false from keymint.test_keys`,
  )
}

const testKeyOwner: Holder = {
  place: ({ holderId, generation }) => ({ table: 'test_keys', row: holderId, generation }),
  async lock(tx, { holderId }) {
    await tx.$executeRaw`select 1 from keymint.test_keys where id = ${holderId}::uuid for update`
  },
  async save(tx, { holderId }, { hash, sealed }) {
    return (
      (await tx.$executeRaw`
        update keymint.test_keys set state = 'ready', key_id = ${hash}, sealed = ${sealed}
          where id = ${holderId}::uuid and state = 'pending'`) === 1
    )
  },
  async refuse(tx, { holderId }, refusal) {
    await tx.$executeRaw`
      update keymint.test_keys set state = 'refused', reason = ${`${refusal.reason}: ${refusal.detail}`}
        where id = ${holderId}::uuid and state = 'pending'`
  },
  markBound: () => Promise.reject(new Error('a sub-key is never bound')),
  markUnbound: () => Promise.reject(new Error('a sub-key is never bound')),
  markMissing: () => Promise.reject(new Error('a sub-key is never compared with claims')),
  markToBind: () => Promise.reject(new Error('a sub-key is never bound')),
}

/**
 * A team's side of a test world: a team, its owner, a LiteLLM proxy, and sub-keys in a table of the
 * test's own, so that the mint engine can be asked for them without the pages and the ledger of the
 * team's door.
 */
import { randomUUID } from 'node:crypto'
import type { Holder } from '~/domain/holder'
import { applyKey } from '~/domain/keys/apply.server'
import { lockKeysOf } from '~/domain/keys/key-store.server'
import { book, requestKey, wantOff } from '~/domain/keys/want.server'
import { depositKey } from '~/domain/vault/vault.server'
import { nanoFromDecimalString } from '~/money'
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
    /** A sub-key of 2 USD that waits for its mint, which has a job. */
    async request(
      account: string,
      change: Partial<{
        limitReset: 'daily' | 'weekly' | 'monthly' | null
        expiresAt: Date
        models: string[]
      }> = {},
    ) {
      const ref = { holderKind: kind, holderId: randomUUID(), generation: 1 } as const
      return world.db.$transaction(async (tx) => {
        await tx.$executeRaw`insert into keymint.test_keys (id) values (${ref.holderId}::uuid)`
        const { mintId, keyId } = await requestKey(world.ctx, tx, ref, {
          limit: 2_000_000_000n,
          limitReset: change.limitReset ?? null,
          expiresAt: change.expiresAt ?? new Date(Date.now() + 86_400_000),
          allowedModels: change.models ?? [],
          account,
          scope,
          wantsGuardrail: false,
          grant: 1,
        })
        await book(world.ctx, tx, ref, { actor: 'worker', why: 'a test' })
        return { holderId: ref.holderId, mintId, keyId }
      })
    },
    async keyOf(holderId: string) {
      type Row = {
        state: string
        reason: string | null
        keyId: string
        hash: string | null
        sealed: string | null
      }
      const [row] = await world.db.$queryRaw<Row[]>`
        select t.state, t.reason, k.id as "keyId", k.hash, k.sealed from keymint.test_keys t
        join keymint.keys k on k.holder_kind = ${kind} and k.holder_id = t.id where t.id = ${holderId}::uuid`
      return row!
    },
    /** Wants the key off or another cap, as the team's pages would, and carries it out. */
    async change(holderId: string, wish: { off?: 'ended' | 'staff'; cap?: number }) {
      const ref = { holderKind: kind, holderId } as const
      await world.db.$transaction(async (tx) => {
        await testKeyHolder.lock(world.ctx, tx, ref)
        if (wish.cap !== undefined)
          await tx.$executeRaw`update keymint.test_keys set cap_usd = ${wish.cap} where id = ${holderId}::uuid`
        if (wish.off) await wantOff(world.ctx, tx, await lockKeysOf(tx, ref), wish.off)
        await book(world.ctx, tx, ref, { actor: 'worker', why: 'a test' })
      })
      const { keyId } = await this.keyOf(holderId)
      return applyKey(world.ctx, keyId, { ignoreBackoff: true })
    },
  }
}

async function openTestKeys(world: World): Promise<void> {
  world.ctx.holders = { ...world.ctx.holders, [kind]: testKeyHolder }
  await world.db.$executeRaw`
    create table keymint.test_keys (id uuid primary key, state text not null default 'pending', reason text,
      cap_usd numeric(20,9) not null default 2, generation integer not null default 1)`
  const [view] = await world.db.$queryRaw<
    { definition: string }[]
  >`select pg_get_viewdef('keymint.key_holders'::regclass) as definition`
  await world.db.$executeRawUnsafe(
    `
      create or replace view keymint.key_holders as ${view!.definition.replace(/;\s*$/, '')} union all
        select '${kind}'::text, id, generation, state = 'pending', false from keymint.test_keys`,
  )
}

const testKeyHolder: Holder = {
  async lock(_ctx, tx, { holderId }) {
    await tx.$executeRaw`select 1 from keymint.test_keys where id = ${holderId}::uuid for update`
  },
  async terms(tx, { holderId }) {
    const [row] = await tx.$queryRaw<{ cap: string }[]>`
      select cap_usd::text as cap from keymint.test_keys where id = ${holderId}::uuid`
    return row ? { cap: nanoFromDecimalString(row.cap), accounting: 'reset' } : null
  },
  async ready(tx, { holderId }) {
    return (
      (await tx.$executeRaw`
        update keymint.test_keys set state = 'ready' where id = ${holderId}::uuid and state = 'pending'`) ===
      1
    )
  },
  async refuse(tx, { holderId }, refusal) {
    await tx.$executeRaw`
      update keymint.test_keys set state = 'refused', reason = ${`${refusal.reason}: ${refusal.detail}`}
        where id = ${holderId}::uuid and state = 'pending'`
  },
  async lowerCap(tx, { holderId }, capUsd) {
    await tx.$executeRaw`
      update keymint.test_keys set cap_usd = least(cap_usd, ${capUsd}::numeric) where id = ${holderId}::uuid`
  },
  move: () => Promise.resolve(true),
  async expire(_ctx, tx, { holderId }) {
    return (
      (await tx.$executeRaw`
        update keymint.test_keys set state = 'ended' where id = ${holderId}::uuid and state = 'ready'`) ===
      1
    )
  },
  endAllOf: () => Promise.resolve({ bulkId: null, count: 0 }),
}

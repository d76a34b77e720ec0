/**
 * Many claims with their keys, planted on both sides at once: rows as minting would leave them,
 * keys at the stand-in, hung on their guardrail. For tests and benches that need thousands and do
 * not test minting.
 */
import { randomUUID } from 'node:crypto'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { ensureGuardrail } from '~/domain/keys/guardrail.server'
import { windowStart } from '~/domain/keys/windows'
import { decimalStringFromNano, usdNumberFromNano } from '~/money'
import type { World } from './test-world'

export type PlantedClaim = {
  claimId: string
  userId: string
  mintId: string
  attemptId: string
  slug: string
  name: string
  hash: string
}

const chunk = 1000

/** Plants `count` ready and bound claims of a workshop of the world, as if saved an hour ago. */
export async function seedClaims(
  world: World,
  slug: string,
  count: number,
): Promise<PlantedClaim[]> {
  const workshop = world.ctx.workshops.workshops.get(slug)
  if (!workshop) throw new Error(`the world has no workshop ${slug}`)
  const planted: PlantedClaim[] = []
  const expiresAt = workshop.keyExpiresAt ?? new Date(Date.now() + (workshop.keyExpiresInMs ?? 0))
  expiresAt.setMilliseconds(0)
  const savedAt = new Date(Date.now() - 3_600_000)
  const limitUsd = decimalStringFromNano(workshop.keyLimit)
  const guardrail = await ensureGuardrail(world.ctx, slug)
  for (let start = 0; start < count; start += chunk) {
    const people = await world.people(Math.min(chunk, count - start))
    const drafts = people.map((person) => {
      const attemptId = randomUUID()
      return {
        claimId: randomUUID(),
        userId: person.userId,
        mintId: randomUUID(),
        attemptId,
        slug,
        name: `km/${world.ctx.installationId}/${slug}/${attemptId}`,
        email: person.emailNormalized,
      }
    })
    const { keys } = await world.call<{ keys: { hash: string }[] }>('/__sim/keys', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        keys: drafts.map(({ name }) => ({
          name,
          limit: usdNumberFromNano(workshop.keyLimit),
          limit_reset: workshop.keyLimitReset,
          expires_at: expiresAt.toISOString(),
        })),
      }),
    })
    const claims = drafts.map((draft, index) => ({ ...draft, hash: keys[index]!.hash }))
    const { limitReset, allowedModels } = {
      limitReset: workshop.keyLimitReset,
      allowedModels: workshop.allowedModels,
    }
    await world.db.mint.createMany({
      data: claims.map((claim) => ({
        id: claim.mintId,
        holderKind: 'claim',
        holderId: claim.claimId,
        generation: 1,
        account: deploymentAccount,
        scope: slug,
        state: 'done',
        limitUsd,
        limitReset,
        expiresAt,
        allowedModels,
        doneAt: savedAt,
      })),
    })
    await world.db.mintAttempt.createMany({
      data: claims.map((claim) => ({
        id: claim.attemptId,
        mintId: claim.mintId,
        token: randomUUID(),
        name: claim.name,
        state: 'saved',
        keyHash: claim.hash,
        sentAt: savedAt,
        settledAt: savedAt,
      })),
    })
    await world.db.workshopAttendance.createMany({
      data: claims.map((claim) => ({
        userId: claim.userId,
        workshopSlug: slug,
        claimId: claim.claimId,
        emailNormalized: claim.email,
        provider: 'github',
        state: 'ready',
        committedUsd: limitUsd,
        limitUsd,
        limitReset,
        expiresAt,
        allowedModels,
        orKeyHash: claim.hash,
        orKeyPlaintext: 'sealed',
        keyLabel: 'sk-or-v1-000...000',
        keySavedAt: savedAt,
        orGuardrailId: guardrail.id,
        guardrailAttachedAt: savedAt,
      })),
    })
    const rows = claims.map((claim) => ({
      id: randomUUID(),
      installation: world.ctx.installationId,
      holderKind: 'claim',
      holderId: claim.claimId,
      generation: 1,
      account: deploymentAccount,
      scope: slug,
      mintId: claim.mintId,
      attemptId: claim.attemptId,
      hash: claim.hash,
      label: 'sk-or-v1-000...000',
      sealed: 'sealed',
      savedAt,
      expiresAt,
      expiryEchoed: true,
      limitUsd,
      limitReset,
      wantsGuardrail: true,
      seenLimitUsd: limitUsd,
      seenReset: limitReset,
      seenAt: savedAt,
      seenRevision: 1,
      guardrailId: guardrail.id,
      guardrailAt: savedAt,
    }))
    await world.db.key.createMany({ data: rows })
    await world.db.keyWindow.createMany({
      data: rows.map(({ id }) => ({
        keyId: id,
        startsAt: windowStart('reset', limitReset, new Date()),
        reservedUsd: limitUsd,
      })),
    })
    await world.ctx.provider.assignKeys(
      guardrail.id,
      claims.map((claim) => claim.hash),
    )
    planted.push(...claims.map(({ email: _email, ...claim }) => claim))
  }
  await world.db.$executeRaw`
    insert into keymint.pools (workshop_slug, committed_usd, seats)
      values (${slug}, ${limitUsd}::numeric * ${count}::int, ${count}::int)
    on conflict (workshop_slug) do update
      set committed_usd = pools.committed_usd + excluded.committed_usd, seats = pools.seats + excluded.seats`
  return planted
}

export type Rng = {
  below: (limit: number) => number
  pick: <Item>(items: Item[]) => Item
  take: <Item>(items: Item[]) => Item
}

/**
 * A die that falls the same way for the same seed (mulberry32). The seed is printed, and repeated
 * by the named variable.
 */
export function seededRng(variable: string): Rng {
  const seed = Number(process.env[variable] ?? Date.now() % 1_000_000)
  process.stdout.write(`${variable}=${seed} repeats this run\n`)
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    take: (items) => items.splice(below(items.length), 1)[0]!,
  }
}

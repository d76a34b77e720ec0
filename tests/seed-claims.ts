/**
 * Many claims with their keys, seeded on both sides at once: rows as minting would leave them, keys
 * at the stand-in, assigned to their guardrail. For tests and benches that need thousands and do
 * not test minting.
 */
import { randomUUID } from 'node:crypto'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { ensureGuardrail } from '~/domain/keys/guardrail.server'
import { engineNow, readKey } from '~/domain/keys/key-store.server'
import { committedOf, dueWindows } from '~/domain/keys/windows'
import { decimalStringFromNano, usdNumberFromNano } from '~/money'
import type { World } from './world'

export type SeededClaim = {
  claimId: string
  keyId: string
  userId: string
  mintId: string
  attemptId: string
  slug: string
  name: string
  hash: string
}

const chunk = 1000

/** Seeds `count` ready and bound claims of a workshop of the world, as if saved an hour ago. */
export async function seedClaims(
  world: World,
  slug: string,
  count: number,
): Promise<SeededClaim[]> {
  const workshop = world.ctx.workshops.workshops.get(slug)
  if (!workshop) throw new Error(`the world has no workshop ${slug}`)
  const seeded: SeededClaim[] = []
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
        keyId: randomUUID(),
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
          include_byok_in_limit: true,
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
        scope: slug,
        account: deploymentAccount,
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
        limitUsd,
        limitReset,
        expiresAt,
        allowedModels,
      })),
    })
    await world.db.key.createMany({
      data: claims.map((claim) => ({
        id: claim.keyId,
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
        requestedAt: savedAt,
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
      })),
    })
    await reserve(world, claims)
    await world.ctx.provider.assignKeys(
      guardrail.id,
      claims.map((claim) => claim.hash),
    )
    seeded.push(...claims.map(({ email: _email, ...claim }) => claim))
  }
  return seeded
}

/** Keys of the same terms: what the first one may cost by window, each of the others may too. */
async function reserve(world: World, claims: SeededClaim[]): Promise<void> {
  const [first] = claims
  const key = first && (await readKey(world.db, first.keyId))
  if (!key) return
  const windows = dueWindows(key, 'reset', await engineNow(world.db), key.limit)
  await world.db.keyWindow.createMany({
    data: claims.flatMap(({ keyId }) =>
      windows.map((window) => ({
        keyId,
        startsAt: window.startsAt,
        reservedUsd: decimalStringFromNano(window.reserved),
      })),
    ),
  })
  const committed = decimalStringFromNano(committedOf(windows))
  await world.db.$executeRaw`
    update keymint.workshop_attendance set committed_usd = ${committed}::numeric
    where claim_id = any(${claims.map(({ claimId }) => claimId)}::uuid[])`
  await world.db.$executeRaw`
    insert into keymint.pools (workshop_slug, committed_usd, seats)
    values (${key.scope}, ${committed}::numeric * ${claims.length}::int, ${claims.length}::int)
    on conflict (workshop_slug) do update
      set committed_usd = pools.committed_usd + excluded.committed_usd, seats = pools.seats + excluded.seats`
}

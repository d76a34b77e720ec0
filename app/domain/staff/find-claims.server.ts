/**
 * Finds a claim in any workshop: by name, address, label or the start of a number, and a key by its
 * whole hash. A key of an earlier generation leads to its claim, too.
 */
import { claimMatches } from '../claim/claim-filter.server'
import type { Ctx } from '../ctx'

export type FoundClaim = {
  claimId: string
  workshopSlug: string
  displayName: string
  email: string | null
  state: 'pending' | 'ready' | 'ended' | 'refused'
  keyLabel: string | null
}
export type FoundKey = {
  hash: string
  /** What it belongs to; a member's key is its team's matter. */
  holder:
    | { kind: 'claim'; claim: FoundClaim; current: boolean }
    | { kind: 'team' }
    /** Pre-minted: nobody has claimed it. */
    | { kind: 'spare'; workshopSlug: string }
  /** Whether it is to be off, and whether the provider has confirmed that it is. */
  off: boolean
  confirmedOff: boolean
}

export const maxFound = 50

/** At most `maxFound`, newest first. */
export async function findClaims(ctx: Pick<Ctx, 'db'>, text: string): Promise<FoundClaim[]> {
  return ctx.db.$queryRaw<FoundClaim[]>`
    select c.claim_id as "claimId", c.workshop_slug as "workshopSlug", a.display_name as "displayName", a.email,
      c.state, c.key_label as "keyLabel"
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where ${claimMatches(text)} order by c.attended_at desc limit ${maxFound}::int`
}

/** The key of this hash; null where Keymint has made none. */
export async function findKey(ctx: Pick<Ctx, 'db'>, hash: string): Promise<FoundKey | null> {
  const [key] = await ctx.db.$queryRaw<
    { kind: string; holderId: string; scope: string; off: boolean; confirmedOff: boolean }[]
  >`
    select holder_kind as kind, holder_id as "holderId", scope, (closed_at is not null or seen_off) as "confirmedOff",
      coalesce(closed_at, off_staff_at, off_cap_at, off_person_at, off_runaway_at, off_ended_at, off_replaced_at)
        is not null as off
    from keymint.keys where hash = ${hash} limit 1`
  if (!key) return null
  const { off, confirmedOff } = key
  if (key.kind === 'spare')
    return { hash, holder: { kind: 'spare', workshopSlug: key.scope }, off, confirmedOff }
  if (key.kind !== 'claim') return { hash, holder: { kind: 'team' }, off, confirmedOff }
  const [row] = await ctx.db.$queryRaw<(FoundClaim & { current: boolean })[]>`
    select c.claim_id as "claimId", c.workshop_slug as "workshopSlug", a.display_name as "displayName", a.email,
      c.state, c.key_label as "keyLabel", c.or_key_hash is not distinct from ${hash} as current
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where c.claim_id = ${key.holderId}::uuid`
  if (!row) return null
  const { current, ...claim } = row
  return { hash, holder: { kind: 'claim', claim, current }, off, confirmedOff }
}

/** The lives that a new sub-key can be given. */
export const keyLives = ['1d', '7d', '30d', 'month-end', '90d', '365d'] as const
export type KeyLife = (typeof keyLives)[number]

const days: Record<Exclude<KeyLife, 'month-end'>, number> = {
  '1d': 1,
  '7d': 7,
  '30d': 30,
  '90d': 90,
  '365d': 365,
}

/** When a key expires that is made at `now`; the end of the month is in UTC. */
export function lifeEnd(life: KeyLife, now: Date): Date {
  return life === 'month-end'
    ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
    : new Date(now.getTime() + days[life] * 86_400_000)
}

export const maxLifeMs = 366 * 86_400_000

export type EndRefusal = 'end-not-later' | 'end-too-late'

/** Why a key may not end then; null where it may. Sooner is what deleting is for. */
export function whyNotLater(present: Date, wanted: Date, now: Date): EndRefusal | null {
  if (wanted.getTime() > now.getTime() + maxLifeMs) return 'end-too-late'
  return wanted > present ? null : 'end-not-later'
}

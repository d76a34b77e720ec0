/** A key as a row, for what decides by the row alone: live, as it is wanted, of one dollar. */
import type { Key } from '~/domain/keys/key-row'

/** Whole dollars and cents as nano-USD. */
export const usd = (amount: number) => BigInt(Math.round(amount * 100)) * 10_000_000n

export const keyMadeAt = new Date('2026-11-28T10:00:00Z')
export const afterwards = (seconds: number, since = keyMadeAt) =>
  new Date(since.getTime() + seconds * 1000)

type Change = Omit<Partial<Key>, 'seen' | 'off'> & {
  seen?: Partial<Key['seen']>
  off?: Partial<Key['off']>
}

export function keyRow({ seen, off, ...change }: Change = {}): Key {
  return {
    id: 'key',
    installation: 'here',
    holderKind: 'claim',
    holderId: 'claim',
    generation: 1,
    grant: 1,
    account: 'account',
    service: 'openrouter',
    scope: 'a-workshop',
    mintId: 'mint',
    hash: 'hash',
    label: 'label',
    savedAt: keyMadeAt,
    expiresAt: afterwards(30 * 86_400),
    expiryEchoed: true,
    limit: usd(1),
    limitReset: null,
    withoutReset: false,
    limitDueAt: null,
    wantsGuardrail: false,
    deleteWanted: false,
    off: {
      staff: null,
      cap: null,
      runaway: null,
      person: null,
      ended: null,
      replaced: null,
      ...off,
    },
    graceUntil: null,
    version: 1,
    revision: 1,
    seen: {
      limit: usd(1),
      reset: null,
      byok: true,
      off: false,
      at: keyMadeAt,
      revision: 1,
      ...seen,
    },
    missingAt: null,
    guardrailAt: null,
    call: null,
    doubt: null,
    applyAt: null,
    applyTries: 0,
    applyError: null,
    used: 0n,
    usedBase: 0n,
    windowUsed: 0n,
    windowBase: 0n,
    windowStartedAt: null,
    readAt: null,
    readError: null,
    meter: null,
    perHour: null,
    capDueAt: null,
    closedAt: null,
    ownReadAt: null,
    ownReads: 0,
    grownAt: null,
    stableAt: null,
    settledAt: null,
    writtenOffAt: null,
    nextReadAt: null,
    deletedAt: null,
    windows: [],
    ...change,
  }
}

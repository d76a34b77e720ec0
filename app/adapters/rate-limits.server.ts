/**
 * Rate limits, counted in Postgres, so that all machines agree and a restart keeps the counts. A
 * whole conference shares one address: the limits per person and per browser are tight, the one per
 * address only stops floods of those who are neither. Each counted request is one statement on an
 * unlogged table; polls are not counted.
 */
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Db } from './db.server'

type Rule = { points: number; seconds: number }
type LimitRules = { person?: Rule; browser?: Rule; crowd?: Rule; address?: Rule; place?: Rule }

/**
 * Requests per person, per browser that has our cookie, and per address. 1,000 people behind one
 * address who do everything in the same minute reach none of them. A stranger with our cookie counts
 * by it, and with all browsers of the address by the crowd's ceiling: who floods without a cookie uses
 * up nothing of theirs, and who collects cookies meets the ceiling.
 */
export const limitCatalog = {
  'sign-in': {
    browser: { points: 20, seconds: 60 },
    crowd: { points: 6_000, seconds: 60 },
    address: { points: 1_200, seconds: 60 },
  },
  'sign-in-callback': {
    browser: { points: 20, seconds: 60 },
    crowd: { points: 6_000, seconds: 60 },
    address: { points: 1_200, seconds: 60 },
  },
  claim: { person: { points: 20, seconds: 60 }, address: { points: 1_200, seconds: 60 } },
  /**
   * Codes of a workshop, right or wrong. 300 people behind one address may each mistype often; all
   * tries of a workshop together find one of its two codes of a million in 14 hours on average.
   */
  'workshop-code': { person: { points: 10, seconds: 300 }, place: { points: 3_000, seconds: 300 } },
  /** Requests to the organizers to be let in. */
  'ask-access': { person: { points: 5, seconds: 3_600 } },
  reveal: { person: { points: 60, seconds: 60 }, address: { points: 2_400, seconds: 60 } },
  'key-test': { person: { points: 10, seconds: 60 }, address: { points: 1_200, seconds: 60 } },
  /** A terminal that asks for a code: nobody is signed in there. */
  'setup-start': { address: { points: 1_200, seconds: 60 } },
  /** What it asks until it has the key; by its own code, which is the browser here. */
  'setup-poll': {
    browser: { points: 60, seconds: 60 },
    crowd: { points: 24_000, seconds: 60 },
    address: { points: 120, seconds: 60 },
  },
  /** Codes that a person types or decides on: few, so that nobody guesses one. */
  'setup-code': { person: { points: 20, seconds: 600 } },
  /** Requests for a higher limit, which people read. */
  'ask-for-more': { person: { points: 6, seconds: 3_600 } },
  /** Large downloads. */
  export: { person: { points: 10, seconds: 60 } },
  /** What members and owners change in a team, requests of keys apart. */
  'team-action': { person: { points: 60, seconds: 60 } },
  /** Previews of a budget or a cap, which look at the member's books. */
  preview: { person: { points: 60, seconds: 60 } },
  /** New keys of a team, and replacements. */
  provision: { person: { points: 20, seconds: 60 } },
  /** Invitations, which may go out by mail. */
  invite: { person: { points: 60, seconds: 3_600 } },
  'team-create': { person: { points: 5, seconds: 3_600 } },
  /** Changes to one's own account. */
  account: { person: { points: 30, seconds: 60 } },
  /** Schedules that staff start at once. */
  'run-now': { person: { points: 10, seconds: 60 } },
  /** Test alerts, which people on duty get. */
  'alert-test': { person: { points: 6, seconds: 60 } },
  'admin-action': { person: { points: 120, seconds: 60 } },
} as const satisfies Record<string, LimitRules>

export type LimitName = keyof typeof limitCatalog

export type Limits = {
  /**
   * Counts one request. Null when it may pass, else the seconds to wait. Never throws: without a
   * database this process counts by itself.
   */
  consume(
    name: LimitName,
    who: {
      userId: string | null
      browser?: string | null
      address: string | null
      /** What many try together, such as one workshop. */
      place?: string
    },
  ): Promise<number | null>
}

/** `catalog` is for tests that need smaller numbers. */
export function createLimits(db: Db, catalog: Record<string, LimitRules> = limitCatalog): Limits {
  const client = throughPrisma(db)
  const limiters = new Map(
    Object.entries(catalog).flatMap(([name, rules]) =>
      (['person', 'browser', 'crowd', 'address', 'place'] as const).flatMap((side) => {
        const rule = rules[side]
        return rule
          ? [[`${name}:${side}`, limiterOf(client, `${name}:${side}`, rule)] as const]
          : []
      }),
    ),
  )
  return {
    async consume(name, { userId, browser, address, place = null }) {
      const ofBrowser = limiters.get(`${name}:browser`)
      const block = address && addressBlock(address)
      if (ofBrowser && browser)
        return (
          (await consumeOne(ofBrowser, browser)) ??
          (await consumeOne(limiters.get(`${name}:crowd`), block))
        )
      // The person first: a person over the limit must not use up the address that others share.
      return (
        (await consumeOne(limiters.get(`${name}:person`), userId)) ??
        (await consumeOne(limiters.get(`${name}:address`), block)) ??
        (await consumeOne(limiters.get(`${name}:place`), place))
      )
    },
  }
}

function limiterOf(
  client: object,
  keyPrefix: string,
  { points, seconds }: Rule,
): RateLimiterPostgres {
  return new RateLimiterPostgres({
    storeClient: client,
    storeType: 'client',
    schemaName: 'keymint',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix,
    points,
    duration: seconds,
    insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: seconds }),
  })
}

async function consumeOne(
  limiter: RateLimiterPostgres | undefined,
  key: string | null,
): Promise<number | null> {
  if (!limiter || key === null) return null
  try {
    await limiter.consume(key)
    return null
  } catch (refused) {
    if (refused instanceof RateLimiterRes)
      return Math.max(1, Math.ceil(refused.msBeforeNext / 1000))
    throw refused
  }
}

/** One network has a /64 of IPv6 and would otherwise count as 2^64 addresses. */
export function addressBlock(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%')[0] ?? ''
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  const filled =
    tail === undefined
      ? groups
      : [
          ...groups,
          ...Array<string>(
            Math.max(0, 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)),
          ).fill('0'),
          ...(tail === '' ? [] : tail.split(':')),
        ]
  return `${filled
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/** Prisma's pool behind the interface of node-postgres, so that no connections are added. */
function throughPrisma(db: Db) {
  return {
    async query({ text, values }: { text: string; values: unknown[] }) {
      const rows = await db.$queryRawUnsafe<Record<string, unknown>[]>(text, ...values)
      return {
        rows: rows.map((row) => ({
          ...row,
          ...(typeof row.expire === 'bigint' ? { expire: Number(row.expire) } : {}),
        })),
        rowCount: rows.length,
      }
    },
  }
}

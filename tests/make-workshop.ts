/** A workshop as its file would describe it, for tests that need no file. */
import type { Workshop } from '~/domain/workshop-file'

export const usd = (amount: number) => BigInt(Math.round(amount * 1e9))

/** A workshop that is open now, with whatever the test wants different. */
export function makeWorkshop(change: Partial<Workshop> = {}): Workshop {
  return {
    slug: 'test-workshop',
    kind: 'workshop',
    title: 'A workshop for tests',
    claimsOpenAt: new Date(Date.now() - 3_600_000),
    claimsCloseAt: new Date(Date.now() + 3_600_000),
    allowedModels: ['openai/gpt-5-nano'],
    poolLimit: usd(10_000),
    keyLimit: usd(2),
    keyLimitReset: null,
    keyExpiresAt: new Date(Date.now() + 86_400_000),
    keyExpiresInMs: null,
    providers: ['github', 'google'],
    marketingOptIn: null,
    maxKeys: null,
    premint: null,
    description: null,
    venue: null,
    timezone: 'UTC',
    organizer: null,
    organizers: [],
    docsUrl: null,
    acknowledgedTerms: false,
    minAccountAgeMs: null,
    allowedDomains: [],
    roster: null,
    rosterFile: null,
    roomCode: null,
    listed: true,
    cooldownMs: null,
    repositoryUrl: null,
    tools: [],
    askForMore: false,
    announceProblems: false,
    wallShowsSpending: false,
    waitlist: false,
    releaseUnusedAfterMs: null,
    pauseOnRunawayMinutes: null,
    ...change,
  }
}

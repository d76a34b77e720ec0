/**
 * What every journey starts from: a world, people who sign in fast, faults that end with the test,
 * and a console that must stay silent.
 */
import pg from 'pg'
import { test as base, expect, type BrowserContext, type Page } from '@playwright/test'
import { githubPeople } from '../simulators/identity/people'
import type { Stage } from './stage'
import { openJourneysWorld } from './world'

export { expect }

export type UpstreamKey = {
  hash: string
  name: string
  label: string
  usage: number
  limit: number | null
  guardrail_id: string | null
  key: string
}
type Provider = 'github' | 'google'

type Fixtures = {
  /** Signs this browser in over HTTP, through the same addresses that the pages use. */
  signIn: (login: string, provider?: Provider) => Promise<void>
  /** Sets faults of the OpenRouter stand-in until the test ends. */
  faults: (settings: object) => Promise<void>
  /** What the browser complained about in our pages; checked to be nothing when the test ends. */
  complaints: string[]
}

export const test = base.extend<Fixtures, { stage: Stage }>({
  stage: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const world = await openJourneysWorld()
      await use(world.stage)
      await world.close()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ stage }, use) => use(stage.origin),
  complaints: [
    async ({ context, stage }, use) => {
      const complaints: string[] = []
      const ours = (url: string) => url.startsWith(stage.origin) || url.startsWith(stage.offOrigin)
      context.on('console', (message) => {
        // A status that a test asks for is no fault of the page.
        const expected = message
          .text()
          .startsWith('Failed to load resource: the server responded with a status of')
        if (message.type() === 'error' && ours(message.location().url) && !expected)
          complaints.push(`${message.location().url}: ${message.text()}`)
      })
      // React 18 says of itself that a root “did not complete” (#345) when a press comes into the
      // middle of its hydration; the form answers the press anyway.
      const isReactsOwn = (message: string) => message.includes('Minified React error #345')
      context.on(
        'weberror',
        (error) =>
          void (
            ours(error.page()?.url() ?? '') &&
            !isReactsOwn(error.error().message) &&
            complaints.push(`${error.page()?.url()}: ${error.error().message}`)
          ),
      )
      await use(complaints)
      expect(complaints, 'the browser complained').toEqual([])
    },
    { auto: true },
  ],
  signIn: async ({ context, stage }, use) =>
    use((login, provider) => signInTo(context, stage.origin, login, provider)),
  faults: async ({ request, stage }, use) => {
    await use(async (settings) => {
      const answer = await request.post(stage.openrouter.faultsUrl, { data: settings })
      expect(answer.ok(), await answer.text()).toBe(true)
    })
    await request.delete(stage.openrouter.faultsUrl)
  },
})

/** The round trip to the provider and back, without its pages. */
export async function signInTo(
  context: Pick<BrowserContext, 'request'>,
  origin: string,
  login: string,
  provider: Provider = 'github',
): Promise<void> {
  const once = { maxRedirects: 0, headers: { Origin: origin } }
  const start = await context.request.post(`${origin}/auth/${provider}`, {
    ...once,
    form: { returnTo: '/' },
  })
  const authorize = new URL(start.headers().location ?? '')
  const choose = new URL(
    provider === 'github' ? '/login/oauth/callback' : '/o/oauth2/v2/auth/callback',
    authorize,
  )
  const chosen = await context.request.post(choose.href, {
    maxRedirects: 0,
    form: {
      ...Object.fromEntries(authorize.searchParams),
      [provider === 'github' ? 'login' : 'email']: login,
    },
  })
  const back = await context.request.get(chosen.headers().location ?? '', { maxRedirects: 0 })
  expect(back.headers().location, `${login} could not sign in`).toBe('/')
}

/** Claims by the form's own request and waits for the key, for tests whose subject comes later. */
export async function claimOverHttp(
  context: Pick<BrowserContext, 'request'>,
  origin: string,
  slug: string,
): Promise<void> {
  const answer = await context.request.post(`${origin}/w/${slug}/claim`, {
    form: {},
    headers: { Origin: origin },
    maxRedirects: 0,
  })
  expect(answer.headers().location).toBe(`/w/${slug}/claim`)
}

/** The owner's own key, by the one request that gives it out. Waits until it may be shown. */
export async function revealOverHttp(
  context: Pick<BrowserContext, 'request'>,
  origin: string,
  slug: string,
): Promise<string> {
  let key = ''
  await expect
    .poll(
      async () => {
        const answer = await context.request.post(`${origin}/w/${slug}/claim/reveal`, {
          headers: { Origin: origin, Accept: 'application/json' },
        })
        if (answer.status() === 200) key = ((await answer.json()) as { key: string }).key
        return answer.status()
      },
      { timeout: 20_000 },
    )
    .toBe(200)
  return key
}

/** One of the people with nothing special about them; the same number is the same person. */
export function attendee(number: number): { login: string; name: string } {
  const person = githubPeople.filter((one) => !one.note)[number]
  if (!person) throw new Error(`There are not ${number} people.`)
  return { login: person.login, name: person.name ?? person.login }
}

/** Every key that the stand-in has ever made for a workshop, with its secret. */
export async function upstreamKeys(
  page: Pick<Page, 'request'>,
  stage: Stage,
  slug?: string,
): Promise<UpstreamKey[]> {
  const answer = await page.request.get(`${stage.openrouter.root}/__sim/keys?plaintext=1`)
  const { keys } = (await answer.json()) as { keys: UpstreamKey[] }
  return slug === undefined ? keys : keys.filter(({ name }) => name.split('/')[2] === slug)
}

/** Asks the journeys' database, or sets a time that a journey cannot wait for. */
export async function queryDatabase<Row extends object>(
  stage: Stage,
  statement: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const url = new URL(stage.databaseUrl)
  url.search = ''
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    return (await client.query<Row>(statement, values)).rows
  } finally {
    await client.end()
  }
}

export const heading = (page: Page, name: string | RegExp) =>
  page.getByRole('heading', { level: 1, name })

/** Tables that scroll sideways, which those of cards never do on a phone. */
export const sidewaysTables = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('[role=region]')]
      .filter((region) => region.checkVisibility() && region.scrollWidth > region.clientWidth)
      .map((region) => region.getAttribute('aria-label') ?? ''),
  )

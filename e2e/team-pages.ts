/** A team made over HTTP, for journeys that start later: the same forms, posted without pages. */
import type { APIRequestContext, Browser, BrowserContext, Page } from '@playwright/test'
import type { PersonRole } from '~/domain/money/roles'
import { attendee, expect, queryDatabase, signInTo } from './fixtures'
import type { Stage } from './stage'

/** A page of the attendee with this number, signed in. */
export async function personAt(
  browser: Browser,
  stage: Stage,
  number: number,
  options: object = {},
): Promise<{ page: Page; name: string; login: string }> {
  const context = await browser.newContext(options)
  const person = attendee(number)
  await signInTo(context, stage.origin, person.login)
  return { page: await context.newPage(), ...person }
}

export const post = (
  context: BrowserContext,
  stage: Stage,
  path: string,
  form: Record<string, string>,
) =>
  context.request.post(`${stage.origin}${path}`, {
    form,
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })

export async function makeTeam(
  owner: BrowserContext,
  stage: Stage,
  team: { name: string; slug: string },
): Promise<void> {
  const made = await post(owner, stage, '/t/new', team)
  expect(made.headers().location, await made.text()).toBe(`/t/${team.slug}/dashboard`)
}

/** Puts the stand-in's management key into the vault and returns the master key's id. */
export async function depositOpenRouter(
  owner: BrowserContext,
  stage: Stage,
  slug: string,
): Promise<string> {
  const answer = await post(owner, stage, `/t/${slug}/vault`, {
    intent: 'deposit',
    service: 'openrouter',
    secret: stage.secrets.managementKey,
  })
  expect(answer.headers().location, await answer.text()).toContain('done=deposited')
  const [row] = await queryDatabase<{ id: string }>(
    stage,
    `select k.id from keymint.master_keys k join keymint.teams t on t.id = k.team_id
      where t.slug = $1 order by k.created_at desc limit 1`,
    [slug],
  )
  return row!.id
}

/** An invitation's address on this site. */
export async function inviteLink(
  owner: BrowserContext,
  stage: Stage,
  slug: string,
  role: PersonRole = 'member',
): Promise<string> {
  const page = await (
    await post(owner, stage, `/t/${slug}/members`, { intent: 'invite', role })
  ).text()
  const link = /\/t\/join\/[\w-]{43}/.exec(page)?.[0]
  if (!link) throw new Error('the page has no invitation')
  return link
}

/** Invites whoever is signed in at `guest`, and lets them join. */
export async function joinTeam(
  owner: BrowserContext,
  guest: BrowserContext,
  stage: Stage,
  slug: string,
  role: PersonRole = 'member',
): Promise<void> {
  expect(
    (await post(guest, stage, await inviteLink(owner, stage, slug, role), {})).headers().location,
  ).toBe(`/t/${slug}/dashboard`)
}

export async function setBudget(
  owner: BrowserContext,
  stage: Stage,
  slug: string,
  userId: string,
  budget: string,
): Promise<void> {
  const answer = await post(owner, stage, `/t/${slug}/members/${encodeURIComponent(userId)}`, {
    intent: 'budget',
    budget,
    effective: 'now',
    reason: 'for the journey',
  })
  expect(answer.status(), await answer.text()).toBe(303)
}

export async function userIdOf(stage: Stage, login: string): Promise<string> {
  const [row] = await queryDatabase<{ user_id: string }>(
    stage,
    'select user_id from keymint.identities where login = $1',
    [login],
  )
  return row!.user_id
}

/** Charges a key at the stand-in, as its use would. */
export async function spendAt(
  request: APIRequestContext,
  stage: Stage,
  hash: string,
  usd: number,
): Promise<void> {
  const answer = await request.post(`${stage.openrouter.root}/__sim/spend`, { data: { hash, usd } })
  expect(answer.ok(), await answer.text()).toBe(true)
}

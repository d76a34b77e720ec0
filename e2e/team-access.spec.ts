/**
 * Every address of a team, in every shape and by every method, as a stranger, a member of another
 * team, a member and an owner.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BrowserContext } from '@playwright/test'
import { attendee, expect, queryDatabase, signInTo, test } from './fixtures'
import type { Stage } from './stage'
import { expectNothingDone } from './team-access-acts'
import { teamTable, type Facts, type Role, type Row } from './team-access-table'
import {
  depositOpenRouter,
  inviteLink,
  joinTeam,
  makeTeam,
  post,
  setBudget,
  userIdOf,
} from './team-pages'

/** Nobody else's: an answer must not depend on which journey ran before. */
const people = {
  outsider: attendee(7),
  member: attendee(8),
  owner: attendee(9),
  finance: attendee(15),
  viewer: attendee(16),
}
const slug = 'guarded-team'

/** The four shapes in which Remix could be asked for one route's data. */
function shapesOf(
  row: Row,
  url: string,
): { name: string; url: string; isData: boolean; isOld: boolean }[] {
  const route = encodeURIComponent(row.route)
  return [
    { name: 'document', url, isData: false, isOld: false },
    { name: '.data', url: `${url}.data`, isData: true, isOld: false },
    { name: '.data?_routes=', url: `${url}.data?_routes=${route}`, isData: true, isOld: false },
    { name: '?_data=', url: `${url}?_data=${route}`, isData: false, isOld: true },
  ]
}

let contexts: Record<Role, BrowserContext>
let facts: Facts
let canaries: string[]

test.beforeAll(async ({ browser, stage }) => {
  test.setTimeout(120_000)
  contexts = {
    stranger: await browser.newContext(),
    outsider: await browser.newContext(),
    viewer: await browser.newContext(),
    member: await browser.newContext(),
    finance: await browser.newContext(),
    owner: await browser.newContext(),
  }
  for (const role of ['outsider', 'viewer', 'member', 'finance', 'owner'] as const)
    await signInTo(contexts[role], stage.origin, people[role].login)
  ;({ facts, canaries } = await furnish(stage))
})

test.afterAll(() => Promise.all(Object.values(contexts).map((context) => context.close())))

/** What the table says, and what is wrong with each answer: every row, role and shape. */
async function compareWithTable(stage: Stage, methods: string[]): Promise<string[]> {
  const wrong: string[] = []
  for (const row of teamTable) {
    for (const [role, context] of Object.entries(contexts) as [Role, BrowserContext][]) {
      const url = row.path(facts)
      for (const shape of shapesOf(row, url)) {
        // The table is about rights: nobody is to be too fast for it.
        await queryDatabase(stage, 'delete from keymint.rate_limits')
        for (const method of methods) {
          const reads = method === 'GET' || method === 'HEAD'
          const cells = reads
            ? shape.isData
              ? (row.readData ?? row.read)
              : row.read
            : shape.isData
              ? (row.actData ?? row.act)
              : row.act
          const expected = shape.isOld ? 400 : cells[role]
          // 0: this request would change what the others get.
          if (expected === 0) continue
          const target =
            !reads && row.index && !shape.isOld
              ? `${shape.url}${shape.url.includes('?') ? '&' : '?'}index`
              : shape.url
          const answer = await context.request.fetch(`${stage.origin}${target}`, {
            method,
            maxRedirects: 0,
            headers: reads ? {} : { Origin: stage.origin },
            ...(reads ? {} : { form: { intent: 'x' } }),
          })
          const what = `${method} ${target} (${shape.name}) as ${role}`
          if (answer.status() !== expected)
            wrong.push(`${what}: ${answer.status()} and not ${expected}`)
          if (!['stranger', 'outsider'].includes(role) || row.path(facts).startsWith('/t/join/'))
            continue
          const body = (await answer.text())
            .replaceAll(url, '')
            .replaceAll(encodeURIComponent(url), '')
            .replaceAll(url.slice(1), '')
          for (const canary of canaries)
            if (body.includes(canary)) wrong.push(`${what}: holds ${canary}`)
        }
        if (methods.includes('POST'))
          wrong.push(...(await postFromElsewhere(stage, shape.url, role)))
      }
    }
  }
  return wrong
}

async function postFromElsewhere(stage: Stage, url: string, role: Role): Promise<string[]> {
  const answer = await contexts[role].request.fetch(`${stage.origin}${url}`, {
    method: 'POST',
    maxRedirects: 0,
    headers: { Origin: 'https://evil.example' },
    form: { intent: 'x' },
  })
  return answer.status() === 403
    ? []
    : [`POST ${url} from another site as ${role}: ${answer.status()} and not 403`]
}

test('every address of a team is read as the table says, and reveals nothing to outsiders', async ({
  stage,
}) => {
  test.setTimeout(240_000)
  const file = path.resolve('build/web/server/index.js')
  if (!existsSync(file)) throw new Error('There is no build. Run: npm run build')
  const { routes } = (await import(pathToFileURL(file).href)) as { routes: Record<string, unknown> }
  const built = Object.keys(routes).filter((id) => id.startsWith('routes/t.'))
  expect(
    [...new Set(teamTable.map((row) => row.route))].sort(),
    'a route of teams without a row in team-access-table.ts',
  ).toEqual(built.sort())
  expect(await compareWithTable(stage, ['GET', 'HEAD'])).toEqual([])
})

test('every address of a team is acted at as the table says, and reveals nothing to outsiders', async ({
  stage,
}) => {
  test.setTimeout(240_000)
  expect(await compareWithTable(stage, ['POST', 'PUT', 'PATCH', 'DELETE'])).toEqual([])
})

test('only owners see a colleague’s keys, and no form does anything for people who may not', async ({
  stage,
}) => {
  test.setTimeout(120_000)
  const wrong: string[] = []
  const member = `members/${encodeURIComponent(facts.memberId)}`
  const books = ['spending', 'spending.csv', 'ledger', 'ledger.csv']
  for (const [role, pages] of [
    ['viewer', ['dashboard', 'my-keys', ...books]],
    ['member', ['dashboard', 'my-keys', 'store', ...books]],
    [
      'finance',
      [
        'dashboard',
        'my-keys',
        'store',
        'members',
        'budgets',
        'limits',
        'corrections',
        'service-accounts',
        member,
        ...books,
      ],
    ],
  ] as const)
    for (const page of pages) {
      const text = await (
        await contexts[role].request.get(`${stage.origin}/t/${slug}/${page}`)
      ).text()
      const hidden = [
        facts.ownersKey,
        'the owner’s secret purpose',
        facts.servicesKey,
        'the CI’s secret purpose',
      ]
      if (role !== 'member') hidden.push(facts.membersKey, 'the member’s secret purpose')
      for (const canary of hidden)
        if (text.includes(canary)) wrong.push(`${page} shows ${role} ${canary}`)
    }
  await expectNothingDone(contexts, stage, facts, wrong)
  expect(wrong).toEqual([])
})

async function furnish(stage: Stage): Promise<{ facts: Facts; canaries: string[] }> {
  const { owner, member, outsider, finance, viewer } = contexts
  await makeTeam(outsider, stage, { name: 'Another team', slug: 'another-team' })
  await makeTeam(owner, stage, { name: 'A guarded team', slug })
  const masterKey = await depositOpenRouter(owner, stage, slug)
  await joinTeam(owner, member, stage, slug)
  await joinTeam(owner, finance, stage, slug, 'finance')
  await joinTeam(owner, viewer, stage, slug, 'viewer')
  const keys: string[] = []
  for (const [context, role, purpose] of [
    [owner, 'owner', 'the owner’s secret purpose'],
    [member, 'member', 'the member’s secret purpose'],
  ] as const) {
    await setBudget(owner, stage, slug, await userIdOf(stage, people[role].login), '10')
    const made = await post(context, stage, `/t/${slug}/store`, {
      intent: 'provision',
      masterKey,
      purpose,
      cap: '1',
      reset: 'once',
      life: '1d',
      models: '',
    })
    keys.push(/keys\/([0-9a-f-]{36})$/.exec(made.headers().location ?? '')?.[1] ?? '')
  }
  const account = await post(owner, stage, `/t/${slug}/service-accounts`, {
    intent: 'make',
    name: 'A guarded CI',
    budget: '10',
  })
  const serviceId = decodeURIComponent(account.headers().location?.split('/').at(-1) ?? '')
  const services = await post(owner, stage, `/t/${slug}/store`, {
    intent: 'provision',
    for: serviceId,
    masterKey,
    purpose: 'the CI’s secret purpose',
    cap: '1',
    reset: 'once',
    life: '1d',
    models: '',
  })
  keys.push(/keys\/([0-9a-f-]{36})$/.exec(services.headers().location ?? '')?.[1] ?? '')
  await post(member, stage, `/t/${slug}/store`, { intent: 'ask', more: '5', why: 'more' })
  const states = () =>
    queryDatabase<{ state: string }>(
      stage,
      'select state from keymint.api_keys where id = any($1::uuid[])',
      [keys],
    )
  await expect
    .poll(async () => (await states()).map(({ state }) => state), { timeout: 30_000 })
    .toEqual(['ready', 'ready', 'ready'])
  const labels = await queryDatabase<{ text: string }>(
    stage,
    `select key_label as text from keymint.api_keys where id = any($1::uuid[])
      union all select key_hash from keymint.api_keys where id = any($1::uuid[])
      union all select label from keymint.master_keys where id = $2::uuid`,
    [keys, masterKey],
  )
  const facts: Facts = {
    slug,
    ownersKey: keys[0]!,
    membersKey: keys[1]!,
    memberId: await userIdOf(stage, people.member.login),
    serviceId,
    servicesKey: keys[2]!,
    token: (await inviteLink(owner, stage, slug)).split('/').at(-1)!,
    masterKey,
  }
  return {
    facts,
    canaries: [
      ...keys,
      ...labels.map(({ text }) => text),
      'A guarded team',
      'secret purpose',
      'A guarded CI',
      people.member.name,
      people.owner.name,
      masterKey,
    ],
  }
}

/** The page where a code is typed, and what a terminal asks: rights, limits, and what they never say. */
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createAuthSetup } from '~/adapters/identity-providers.server'
import { limitCatalog } from '~/adapters/rate-limits.server'
import { Decide } from '~/components/claim/setup-page'
import { startSession } from '~/domain/people/session.server'
import { action as setupAction, loader as setupLoader } from '~/routes/me.setup'
import { action as poll } from '~/routes/setup.poll'
import { action as start } from '~/routes/setup.start'
import { readyClaims } from '../../tests/claims'
import { startStandIns } from '../../tests/identity-stand-ins'
import { routeArgs } from '../../tests/setup-server'
import { makeWorkshop, openWorld } from '../../tests/world'
import { sessionCookie } from './session.server'

const origin = 'http://localhost:3000'

async function openSetup(slugs = ['test-workshop']) {
  const world = await openWorld({ workshops: slugs.map((slug) => makeWorkshop({ slug })) })
  const standIns = await startStandIns({ appOrigin: origin })
  world.onClose(() => standIns.close())
  const auth = createAuthSetup(standIns.config)
  const [claim] = await readyClaims(world, 1)
  const { userId, claimId } = claim!
  const token = await startSession(world.ctx, { userId, provider: 'github', userAgent: null })
  const cookie = (await sessionCookie(auth).serialize(token)).split(';')[0]!
  const args = (path: string, form?: Record<string, string>, headers: object = { cookie }) =>
    routeArgs(
      world,
      new Request(origin + path, {
        headers: { ...headers },
        ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
      }),
      auth,
    )
  const terminal = async (form: Record<string, string>, route = start) => {
    const answer = await route(args('/setup', form, { accept: 'application/json' }))
    return { status: answer.status, body: (await answer.json()) as Record<string, string> }
  }
  /** The status and what the page is given; of a redirect its address. */
  const page = async (form: Record<string, string>) => {
    const answer = await setupAction(args('/me/setup', form))
    return 'init' in answer
      ? { status: answer.init?.status, ...answer.data }
      : { status: answer.status, to: answer.headers.get('Location') }
  }
  return { world, args, terminal, page, claimId, userId }
}

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (refusal: unknown) => (refusal instanceof Response ? refusal : null),
  )

test('a code is typed, shown with tool and computer, approved, and gives the key to its terminal', async () => {
  const { world, terminal, page, claimId } = await openSetup()
  await using _world = world
  const started = await terminal({ tool: 'codex', machine: 'lap\u202Etop' })
  const { code = '', device = '' } = started.body
  expect(await page({ intent: 'find', code })).toMatchObject({
    status: 200,
    notice: null,
    found: {
      asked: { tool: 'codex', machine: 'lap top' },
      choices: [{ claimId, workshopSlug: 'test-workshop', title: 'A workshop for tests' }],
    },
  })
  expect((await terminal({ device }, poll)).body).toEqual({ state: 'waiting' })
  expect(await page({ intent: 'approve', code, claim: claimId })).toEqual({
    status: 303,
    to: '/me/setup?done=approved',
  })
  const taken = await terminal({ device }, poll)
  expect(taken).toEqual({
    status: 200,
    body: {
      state: 'key',
      key: expect.stringMatching(/^sk-or-/) as string,
      models: ['openai/gpt-5-nano'],
    },
  })
  expect(await terminal({ device }, poll)).toMatchObject({ status: 409, body: { reason: 'used' } })
  expect(world.logLines.join('')).not.toContain(taken.body.key)
})

test('of several keys the person picks one; an ended one is refused, and the others stay on offer', async () => {
  const { world, terminal, page, claimId, userId } = await openSetup(['test-workshop', 'second'])
  await using _world = world
  const { code = '' } = (await terminal({ tool: 'goose', machine: 'x' })).body
  expect(await page({ intent: 'approve', code, claim: crypto.randomUUID() })).toMatchObject({
    status: 409,
    notice: 'no-key',
    found: { choices: [{ claimId }] },
  })
  await world.db.$executeRaw`
    update keymint.attendees set banned_at = now() where user_id = ${userId}`
  expect(await page({ intent: 'approve', code, claim: claimId })).toMatchObject({
    status: 409,
    notice: 'banned',
  })
  expect(await page({ intent: 'refuse', code })).toEqual({
    status: 303,
    to: '/me/setup?done=refused-now',
  })
  expect(await page({ intent: 'find', code })).toMatchObject({ status: 409, notice: 'refused' })
})

test('the page says which tool and computer asks, isolates its name, and picks no key of several', async () => {
  const choice = (claimId: string) => ({
    claimId,
    workshopSlug: claimId,
    title: `Workshop ${claimId}`,
    label: 'sk-or-v1-abc...123',
  })
  const shown = (choices: ReturnType<typeof choice>[]) =>
    renderToStaticMarkup(
      createElement(Decide, {
        asked: { tool: 'claude-code', machine: '<b>x', askedAt: '2026-11-28T10:00:00.000Z' },
        code: 'BCDF-2345',
        choices,
        asOf: '2026-11-28T10:00:30.000Z',
      }),
    )
  const one = shown([choice('one')])
  expect(one).toContain('<bdi>&lt;b&gt;x</bdi>')
  expect(one).toContain('Claude Code')
  expect(one).toContain('Only type a code that you see on your own screen')
  expect(one).toContain('<input type="hidden" name="claim" value="one"/>')
  const two = shown([choice('one'), choice('two')])
  expect(two.match(/type="radio"/g)).toHaveLength(2)
  expect(two).not.toContain('checked')
  const none = shown([])
  expect(none).toContain('You have no key that works now')
  expect(none).not.toContain('value="approve"')
})

test('who is not signed in comes back here after it, without the code in the address', async () => {
  const { world, args } = await openSetup()
  await using _world = world
  const read = await thrown(setupLoader(args('/me/setup', undefined, {})))
  expect(read?.headers.get('Location')).toBe('/sign-in?returnTo=%2Fme%2Fsetup')
  const post = await thrown(
    setupAction(args('/me/setup', { intent: 'find', code: 'BCDF-2345' }, {})),
  )
  expect(post?.headers.get('Location')).toBe('/sign-in?error=session_ended&returnTo=%2Fme%2Fsetup')
})

test('one person types few codes in ten minutes, whatever they are', async () => {
  const { world, args } = await openSetup()
  await using _world = world
  const { points } = limitCatalog['setup-code'].person
  const statuses = new Map<number | undefined, number>()
  for (let tried = 0; tried < points + 5; tried++) {
    const form = { intent: tried % 2 ? 'find' : 'refuse', code: 'BCDF-2345' }
    const status = await setupAction(args('/me/setup', form)).then(
      (answer) => ('init' in answer ? answer.init?.status : answer.status),
      (refusal: Response) => refusal.status,
    )
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  expect([...statuses]).toEqual([
    [409, points],
    [429, 5],
  ])
})

test('terminals are limited: new codes by their address, polls by their own code', async () => {
  const { world, terminal } = await openSetup()
  await using _world = world
  const points = limitCatalog['setup-poll'].browser.points
  const device = 'd'.repeat(43)
  for (let polls = 0; polls < points; polls++)
    expect((await terminal({ device }, poll)).status).toBe(404)
  expect(await terminal({ device }, poll)).toMatchObject({
    status: 429,
    body: { problem: 'too-many-requests' },
  })
  expect((await terminal({ device: 'e'.repeat(43) }, poll)).status).toBe(404)
  const kept = await world.db.$queryRaw<{ key: string }[]>`
    select key from keymint.rate_limits where key like 'setup-poll%'`
  expect(kept.map(({ key }) => key).join()).not.toContain(device)

  await world.db.$executeRaw`
    insert into keymint.rate_limits (key, points, expire)
    values ('setup-start:address:192.0.2.1', ${limitCatalog['setup-start'].address.points}::int,
      (extract(epoch from now()) * 1000 + 60000)::bigint)`
  expect((await terminal({ tool: 'codex', machine: 'x' })).status).toBe(429)
  expect(await world.db.setupCode.count()).toBe(0)
})

test('what no terminal of ours sends is refused', async () => {
  const { world, args } = await openSetup()
  await using _world = world
  const forms: Record<string, string>[] = [
    {},
    { tool: 'curl', machine: 'x' },
    { tool: 'codex', machine: 'x'.repeat(2_000) },
  ]
  for (const form of forms)
    expect((await thrown(start(args('/setup/start', form, {}))))?.status).toBe(400)
  for (const device of ['', 'short', 'ü'.repeat(43)])
    expect((await thrown(poll(args('/setup/poll', { device }, {}))))?.status).toBe(400)
  expect(await world.db.setupCode.count()).toBe(0)
})

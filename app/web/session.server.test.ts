import { afterAll, expect, test } from 'vitest'
import { CookieJar } from '../../tests/identity-stand-ins'
import { openSignIns, thrown, where } from '../../tests/sign-in-world'
import { getViewer, requireAdmin, requireStaff, requireViewer, signOut } from './session.server'

const { world, nextId, lastId, close } = await openSignIns()
afterAll(close)

test('signing out ends the session and not just the cookie', async () => {
  const { standIns, signIn, jar, args } = await world()
  await signIn(standIns, 'github')
  const copy = new CookieJar()
  copy.cookies.set('session', jar.cookies.get('session') ?? '')
  expect(await signOut(args('/sign-out', { method: 'POST' }), { everywhere: false })).toMatch(
    /^session=;.*Max-Age=0/,
  )
  expect(await getViewer(args('/me', {}, copy))).toBeNull()
  expect(await signOut(args('/sign-out', { method: 'POST' }), { everywhere: true })).toMatch(
    /Max-Age=0/,
  )
})

test('signing out everywhere ends the sessions of other browsers too', async () => {
  const { standIns, signIn, jar, args, start, finish } = await world()
  const phone = new CookieJar()
  await finish(
    'github',
    standIns.consent((await start('github', '/', phone)).headers.get('Location') ?? ''),
    phone,
  )
  await signIn(standIns, 'github')
  expect(await getViewer(args('/me', {}, phone))).not.toBeNull()
  await signOut(args('/sign-out', { method: 'POST' }), { everywhere: true })
  expect(
    await Promise.all([getViewer(args('/me', {}, phone)), getViewer(args('/me', {}, jar))]),
  ).toEqual([null, null])
})

test('a cookie counts under any of our secrets and under no other', async () => {
  const { standIns, signIn, args, auth } = await world()
  await signIn(standIns, 'github')
  const rotated = {
    ...auth,
    sessionSecrets: ['a-newer-secret-of-thirty-two-letters!', ...auth.sessionSecrets],
  }
  expect(await getViewer({ ...args(), auth: rotated })).not.toBeNull()
  expect(
    await getViewer({
      ...args(),
      auth: { ...auth, sessionSecrets: ['a-newer-secret-of-thirty-two-letters!'] },
    }),
  ).toBeNull()
})

test('who is not signed in is sent to sign in and back; a post is not done, and says so', async () => {
  const { args, standIns, signIn } = await world()
  const post = (headers: Record<string, string> = {}) =>
    thrown(requireViewer(args('/w/duckdb/reveal', { method: 'POST', headers })))
  expect(where(await thrown(requireViewer(args('/w/duckdb/claim?step=2'))))).toBe(
    '303 /sign-in?returnTo=%2Fw%2Fduckdb%2Fclaim%3Fstep%3D2',
  )
  expect(where(await post())).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Freveal',
  )
  expect(where(await post({ Referer: 'http://localhost:3000/w/duckdb/claim' }))).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Fclaim',
  )
  expect(where(await post({ Referer: 'https://evil.test/w/other' }))).toBe(
    '303 /sign-in?error=session_ended&returnTo=%2Fw%2Fduckdb%2Freveal',
  )
  await signIn(standIns, 'github')
  expect((await requireViewer(args())).userId).toBe(`github:${lastId()}`)
})

test('for whom a page is not, it is not there; who is not signed in is sent to sign in', async () => {
  const roles = [
    ['stranger', 303, 303],
    ['attendee', 404, 404],
    ['viewer', 404, 200],
    ['admin', 200, 200],
  ] as const
  for (const [role, admin, staff] of roles) {
    const emails = [`flow${nextId()}@example.org`]
    const { args, standIns, signIn, lines } = await world({
      settings:
        role === 'admin'
          ? { adminEmails: emails }
          : role === 'viewer'
            ? { viewerEmails: emails }
            : {},
    })
    if (role !== 'stranger') await signIn(standIns, 'github')
    const status = async (attempt: Promise<unknown>) =>
      attempt.then(
        () => 200,
        (error: unknown) => (error instanceof Response ? error.status : error),
      )
    for (const method of ['GET', 'POST']) {
      expect([role, method, await status(requireAdmin(args('/admin', { method })))]).toEqual([
        role,
        method,
        admin,
      ])
      expect([role, method, await status(requireStaff(args('/admin', { method })))]).toEqual([
        role,
        method,
        staff,
      ])
    }
    const denied = lines
      .map(
        (line) =>
          JSON.parse(line) as { msg: string; userId: string | null; path: string; method: string },
      )
      .filter((line) => line.msg.includes('was denied'))
    expect(denied.length).toBe({ stranger: 0, attendee: 4, viewer: 2, admin: 0 }[role])
    for (const line of denied)
      expect(line).toMatchObject({ path: '/admin', userId: `github:${lastId()}` })
  }
})

test('what an admin posts is counted, and too much of it is a 429 that says when to come back', async () => {
  const { args, standIns, signIn } = await world({
    settings: { adminEmails: [`flow${nextId()}@example.org`] },
  })
  await signIn(standIns, 'github')
  const ask = async (method: string) =>
    requireAdmin(args('/admin', { method })).then(
      () => null,
      (error: unknown) => error as Response,
    )
  for (let asked = 0; asked < 120; asked++) expect(await ask('POST')).toBeNull()
  const refused = await ask('POST')
  expect([refused?.status, await refused?.text()]).toEqual([
    429,
    expect.stringMatching(/^too-many-requests:\d+$/),
  ])
  expect(Number(refused?.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(await ask('GET')).toBeNull()
})

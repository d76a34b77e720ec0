/** The sign-in stand-ins against what GitHub and Google document. */
import net from 'node:net'
import { expect, test } from 'vitest'
import { StartError } from '../start-error'
import { githubIdOf, googlePeople, githubPeople, googleSubOf, people } from './people'
import { startIdentity } from './server'
import {
  origin,
  makeWorld,
  githubAuthorizeUrl,
  googleAuthorizeUrl,
  githubCode,
  exchange,
  githubToken,
  api,
  googleCode,
  googleExchange,
  googleClaims,
  errorOf,
  cancelLink,
} from './testing'

test('there are enough people, nobody twice, and some are at both providers with one address', () => {
  expect(people.length).toBeGreaterThanOrEqual(300)
  expect(new Set(people.map(({ provider, login }) => `${provider}:${login}`)).size).toBe(
    people.length,
  )
  expect(people).toContainEqual({
    provider: 'github',
    login: 'admin',
    email: 'admin@keymint.test',
    name: 'Ada Admin',
    note: 'the organiser',
  })
  const atGoogle = new Set(googlePeople.map(({ email }) => email))
  const both = githubPeople
    .flatMap(({ emails }) => emails)
    .filter(({ email, verified }) => verified && atGoogle.has(email))
  expect(both.length).toBeGreaterThan(30)
  expect(both.some(({ email }) => email.endsWith('@gmail.com'))).toBe(true)
  // What databases of demos already hold must still find its owner.
  expect(githubIdOf('admin')).toBe(githubPeople.find(({ login }) => login === 'admin')?.id)
  expect([githubIdOf('admin'), googleSubOf('taratwin@gmail.com')]).toMatchInlineSnapshot(`
    [
      194456203,
      "153273407811797450512",
    ]
  `)
})

test('GitHub: a round trip with PKCE gives the stable id, the age of the account and the address', async () => {
  await using world = await makeWorld()
  const { picker, token } = await githubToken(world, 'admin')
  expect(picker).toContain('id="cancel"')
  expect(picker).not.toContain('ghost')
  expect(picker.match(/class="user-form"/g)?.length).toBe(githubPeople.length)
  const response = await api(world, '/user', token)
  expect(response.headers.get('x-oauth-scopes')).toBe('read:user, user:email')
  expect(await response.json()).toMatchObject({
    id: githubIdOf('admin'),
    login: 'admin',
    name: 'Ada Admin',
    email: null,
    created_at: '2016-05-12T08:30:00Z',
  })
  expect(await (await api(world, '/user/emails', token)).json()).toEqual([
    { email: 'admin@keymint.test', primary: true, verified: true, visibility: 'private' },
  ])
})

test('GitHub: unverified, none, several and borrowed addresses are told as they are', async () => {
  await using world = await makeWorld()
  const emailsOf = async (login: string) =>
    (await (await api(world, '/user/emails', (await githubToken(world, login)).token)).json()) as {
      email: string
      primary: boolean
      verified: boolean
    }[]
  expect(await emailsOf('no-email')).toEqual([])
  expect((await emailsOf('unverified')).map(({ verified }) => verified)).toEqual([false])
  expect(await emailsOf('impostor')).toMatchObject([
    { email: 'admin@keymint.test', primary: true, verified: false },
  ])
  const many = await emailsOf('many-emails')
  expect(many.length).toBe(4)
  expect(many.filter(({ primary }) => primary)).toMatchObject([
    { email: 'Manny.Mails@Example.ORG', verified: true },
  ])
})

test('GitHub: addresses need the scope user:email, and every call a token of ours and a User-Agent', async () => {
  await using world = await makeWorld()
  const { token } = await githubToken(world, 'admin', { scope: 'read:user' })
  expect((await api(world, '/user/emails', token)).status).toBe(404)
  expect((await api(world, '/user', 'gho_made_up')).status).toBe(401)
  expect((await fetch(`${world.github.apiUrl}/user`)).status).toBe(401)
})

test('GitHub: a code is worth one exchange, for this verifier, secret and redirect address only', async () => {
  await using world = await makeWorld()
  const first = await githubCode(world, 'admin')
  expect(await exchange(world, first)).toMatchObject({
    token_type: 'bearer',
    scope: 'read:user,user:email',
  })
  expect(await exchange(world, first)).toMatchObject({ error: 'bad_verification_code' })

  const mismatch = await githubCode(world, 'admin')
  expect(await exchange(world, { ...mismatch, verifier: 'another-verifier' })).toMatchObject({
    error: 'bad_verification_code',
  })
  expect(await exchange(world, mismatch)).toMatchObject({ error: 'bad_verification_code' })
  expect(
    await exchange(world, { ...(await githubCode(world, 'admin')), verifier: undefined }),
  ).toMatchObject({ error: 'bad_verification_code' })
  expect(
    await exchange(world, await githubCode(world, 'admin'), { client_secret: 'wrong' }),
  ).toMatchObject({ error: 'incorrect_client_credentials' })
  expect(
    await exchange(world, await githubCode(world, 'admin'), {
      redirect_uri: `${origin}/elsewhere`,
    }),
  ).toMatchObject({ error: 'redirect_uri_mismatch' })
  expect(await exchange(world, { code: 'made-up', verifier: 'v' })).toMatchObject({
    error: 'bad_verification_code',
  })
})

test('a redirect address is accepted only to the letter, at the picker and behind it', async () => {
  await using world = await makeWorld()
  for (const wrong of [
    `${origin}/auth/github/callback/`,
    `${origin}/auth/github/callback?x=1`,
    'http://evil.test/auth/github/callback',
    `${origin}/auth/google/callback`,
  ]) {
    const response = await fetch(githubAuthorizeUrl(world, { redirect_uri: wrong }), {
      redirect: 'manual',
    })
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
    const behind = await fetch(`${world.github.url}/login/oauth/callback`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({
        login: 'admin',
        client_id: world.github.clientId,
        redirect_uri: wrong,
        state: 's',
        scope: '',
      }),
    })
    expect([behind.status, behind.headers.get('location')]).toEqual([400, null])
  }
  expect(
    (
      await fetch(
        githubAuthorizeUrl(world, { redirect_uri: 'http://localhost:3777/auth/github/callback' }),
      )
    ).status,
  ).toBe(400)
  world.allowOrigin('http://localhost:3777')
  expect(
    (
      await fetch(
        githubAuthorizeUrl(world, { redirect_uri: 'http://localhost:3777/auth/github/callback' }),
      )
    ).status,
  ).toBe(200)
  expect((await fetch(githubAuthorizeUrl(world, { client_id: 'nobody' }))).status).toBe(404)
})

test('Cancel leads back with access_denied and the state', async () => {
  await using world = await makeWorld()
  for (const url of [
    githubAuthorizeUrl(world, { state: 'a b&c"' }),
    googleAuthorizeUrl(world, { state: 'a b&c"' }),
  ]) {
    const link = cancelLink(await (await fetch(url)).text())
    expect([link.origin, link.searchParams.get('error'), link.searchParams.get('state')]).toEqual([
      origin,
      'access_denied',
      'a b&c"',
    ])
  }
})

test('Google: a round trip gives a signed id_token with a sub that outlives a restart', async () => {
  const subs: unknown[] = []
  for (let start = 0; start < 2; start++) {
    await using world = await makeWorld()
    const person = googlePeople.find(({ hd }) => hd === 'northwind.test')!
    const claims = await googleClaims(world, person.email)
    expect(claims).toMatchObject({
      iss: world.google.issuer,
      aud: world.google.clientId,
      nonce: 'n-1',
      email: person.email,
      email_verified: true,
      name: person.name,
      hd: 'northwind.test',
      sub: googleSubOf(person.email),
    })
    subs.push(claims.sub)
  }
  expect(subs[0]).toBe(subs[1])
})

test('Google: an unverified address says so, Gmail has no hd, and claims follow the scopes', async () => {
  await using world = await makeWorld()
  expect(await googleClaims(world, 'unverified@example.com')).toMatchObject({
    email: 'unverified@example.com',
    email_verified: false,
  })
  const gmail = await googleClaims(world, 'taratwin@gmail.com')
  expect(gmail).not.toHaveProperty('hd')
  expect(await googleClaims(world, 'taratwin@gmail.com', { scope: 'openid' })).not.toHaveProperty(
    'email',
  )
})

test('Google: a code is worth one exchange, for this verifier, secret and redirect address only', async () => {
  await using world = await makeWorld()
  const email = 'taratwin@gmail.com'
  const first = await googleCode(world, email)
  expect((await googleExchange(world, first)).status).toBe(200)
  expect(await errorOf(googleExchange(world, first))).toEqual([400, 'invalid_grant'])
  expect(
    await errorOf(
      googleExchange(world, { ...(await googleCode(world, email)), verifier: 'another' }),
    ),
  ).toEqual([400, 'invalid_grant'])
  expect(
    await errorOf(
      googleExchange(world, await googleCode(world, email), { client_secret: 'wrong' }),
    ),
  ).toEqual([401, 'invalid_client'])
  expect(
    await errorOf(
      googleExchange(world, await googleCode(world, email), {
        redirect_uri: `${origin}/elsewhere`,
      }),
    ),
  ).toEqual([400, 'redirect_uri_mismatch'])
  const basic = Buffer.from(`${world.google.clientId}:${world.google.clientSecret}`).toString(
    'base64',
  )
  expect(
    (
      await googleExchange(
        world,
        await googleCode(world, email),
        { client_id: '', client_secret: '' },
        { Authorization: `Basic ${basic}` },
      )
    ).status,
  ).toBe(200)
})

test('a fault hits once: a failing token endpoint, forbidden addresses, a slow and a lost answer', async () => {
  await using world = await makeWorld()
  const order = (url: string, fault: object) =>
    fetch(url, { method: 'POST', body: JSON.stringify(fault) })
  expect((await order(world.github.faultsUrl, { path: '/user/emails', status: 403 })).status).toBe(
    201,
  )
  const { token } = await githubToken(world, 'admin')
  expect((await api(world, '/user/emails', token)).status).toBe(403)
  expect((await api(world, '/user/emails', token)).status).toBe(200)

  await order(world.google.faultsUrl, { path: '/token', status: 503 })
  const code = await googleCode(world, 'taratwin@gmail.com')
  expect((await googleExchange(world, code)).status).toBe(503)
  expect((await googleExchange(world, code)).status).toBe(200)

  await order(world.github.faultsUrl, [
    { path: '/user', delayMs: 150 },
    { path: '/user', drop: true },
  ])
  const before = performance.now()
  expect((await api(world, '/user', token)).status).toBe(200)
  expect(performance.now() - before).toBeGreaterThan(140)
  await expect(api(world, '/user', token)).rejects.toThrow()
  expect((await api(world, '/user', token)).status).toBe(200)

  // The code is spent although nobody heard of it.
  await order(world.github.faultsUrl, {
    path: '/login/oauth/access_token',
    drop: true,
    after: true,
  })
  const spent = await githubCode(world, 'admin')
  await expect(exchange(world, spent)).rejects.toThrow()
  expect(await exchange(world, spent)).toMatchObject({ error: 'bad_verification_code' })
  expect((await order(world.github.faultsUrl, { path: '/user', stauts: 500 })).status).toBe(400)
})

test('50 people sign in at once and each is who they are', async () => {
  await using world = await makeWorld()
  const chosen = githubPeople.slice(20, 70)
  const ids = await Promise.all(
    chosen.map(async ({ login }) => {
      const { token } = await githubToken(world, login)
      return ((await (await api(world, '/user', token)).json()) as { id: number }).id
    }),
  )
  expect(ids).toEqual(chosen.map(({ id }) => id))
})

test('a taken port is refused with a sentence, and nothing is left running', async () => {
  const squatter = net.createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as net.AddressInfo
  const error: unknown = await startIdentity({ googlePort: port }).catch(
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StartError)
  expect((error as Error).message).toBe(
    `Port ${port}, meant for the Google stand-in, is taken: ` +
      'stop what listens there, or set SIM_GOOGLE_PORT to a free port.',
  )
  squatter.close()
})

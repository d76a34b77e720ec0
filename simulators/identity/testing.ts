/** What the tests of the sign-in stand-ins share: both providers, and a browser's way through. */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { expect } from 'vitest'
import { startIdentity, type Identity } from './server'

export const origin = 'http://localhost:3000'

export type World = Identity & AsyncDisposable

type Code = { code: string; verifier: string | undefined }

export async function makeWorld(): Promise<World> {
  const identity = await startIdentity({ appOrigins: [origin] })
  return { ...identity, [Symbol.asyncDispose]: () => identity.stop() }
}

export function newVerifier() {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export function githubAuthorizeUrl(world: World, parameters: Record<string, string> = {}) {
  const query = {
    client_id: world.github.clientId,
    redirect_uri: `${origin}/auth/github/callback`,
    scope: 'read:user user:email',
    state: 's-1',
    ...parameters,
  }
  return `${world.github.url}/login/oauth/authorize?${new URLSearchParams(query).toString()}`
}

export function googleAuthorizeUrl(world: World, parameters: Record<string, string> = {}) {
  const query = {
    client_id: world.google.clientId,
    redirect_uri: `${origin}/auth/google/callback`,
    response_type: 'code',
    scope: 'openid email profile',
    state: 's-1',
    nonce: 'n-1',
    ...parameters,
  }
  return `${world.google.authUrl}?${new URLSearchParams(query).toString()}`
}

/** Presses the person's button: posts the form as the browser would. */
export async function choose(baseUrl: string, html: string, key: string, id: string): Promise<URL> {
  const form = (html.match(/<form class="user-form"[\s\S]*?<\/form>/g) ?? []).find((candidate) =>
    candidate.includes(`name="${key}" value="${id}"`),
  )
  if (!form) throw new Error(`${id} is not in the picker.`)
  const fields = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, unescape(value)],
  )
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? ''
  const response = await fetch(baseUrl + action, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
  })
  expect(response.status).toBe(302)
  return new URL(response.headers.get('location') ?? '')
}

export async function githubCode(
  world: World,
  login: string,
  parameters: Record<string, string> = {},
): Promise<Code & { picker: string }> {
  const { verifier, challenge } = newVerifier()
  const picker = await (
    await fetch(
      githubAuthorizeUrl(world, {
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...parameters,
      }),
    )
  ).text()
  const back = await choose(world.github.url, picker, 'login', login)
  expect([back.origin + back.pathname, back.searchParams.get('state')]).toEqual([
    `${origin}/auth/github/callback`,
    's-1',
  ])
  return { code: back.searchParams.get('code') ?? '', verifier, picker }
}

export async function exchange(
  world: World,
  { code, verifier }: Code,
  changes: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const body = {
    client_id: world.github.clientId,
    client_secret: world.github.clientSecret,
    code,
    redirect_uri: `${origin}/auth/github/callback`,
    ...(verifier ? { code_verifier: verifier } : {}),
    ...changes,
  }
  const response = await fetch(`${world.github.url}/login/oauth/access_token`, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    body: new URLSearchParams(body),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

export async function githubToken(
  world: World,
  login: string,
  parameters: Record<string, string> = {},
) {
  const code = await githubCode(world, login, parameters)
  return { picker: code.picker, token: String((await exchange(world, code)).access_token) }
}

export function api(world: World, path: string, token: string) {
  return fetch(world.github.apiUrl + path, {
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: 'application/vnd.github+json',
      'User-Agent': 'keymint',
    },
  })
}

export async function googleCode(
  world: World,
  email: string,
  parameters: Record<string, string> = {},
): Promise<Code> {
  const { verifier, challenge } = newVerifier()
  const picker = await (
    await fetch(
      googleAuthorizeUrl(world, {
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...parameters,
      }),
    )
  ).text()
  const back = await choose(world.google.url, picker, 'email', email)
  expect([back.origin + back.pathname, back.searchParams.get('state')]).toEqual([
    `${origin}/auth/google/callback`,
    's-1',
  ])
  return { code: back.searchParams.get('code') ?? '', verifier }
}

export function googleExchange(
  world: World,
  { code, verifier }: Code,
  changes: Record<string, string> = {},
  headers: Record<string, string> = {},
) {
  const body = {
    grant_type: 'authorization_code',
    client_id: world.google.clientId,
    client_secret: world.google.clientSecret,
    code,
    redirect_uri: `${origin}/auth/google/callback`,
    code_verifier: verifier ?? '',
    ...changes,
  }
  return fetch(world.google.tokenUrl, { method: 'POST', headers, body: new URLSearchParams(body) })
}

export async function googleClaims(
  world: World,
  email: string,
  parameters: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const { id_token } = (await (
    await googleExchange(world, await googleCode(world, email, parameters))
  ).json()) as { id_token: string }
  const [header = '', payload = '', signature = ''] = id_token.split('.')
  const { keys } = (await (await fetch(world.google.jwksUrl)).json()) as {
    keys: (JsonWebKey & { kid: string })[]
  }
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
  const jwk = keys.find((key) => key.kid === kid)
  expect(
    verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      createPublicKey({ key: { ...jwk }, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    ),
  ).toBe(true)
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}

export async function errorOf(response: Promise<Response>) {
  const answer = await response
  return [answer.status, ((await answer.json()) as { error: string }).error]
}

export function cancelLink(html: string): URL {
  return new URL(unescape(/id="cancel" href="([^"]*)"/.exec(html)?.[1] ?? ''))
}

function unescape(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}

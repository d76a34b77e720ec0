/** What headers, caches and the answer of sign-in say to a visitor. Pure. */
import type { Visit } from '~/adapters/visit.server'
import { found, type OutsideFinding } from './outside-finding'

const hstsDays = 180

export function judgeHeaders(page: Visit, origin: URL): OutsideFinding[] {
  if (page.status !== 200)
    return [found('error', { code: 'page-fails', path: '/', status: page.status })]
  const isHttps = origin.protocol === 'https:'
  const wanted = [
    ...(isHttps ? ['strict-transport-security'] : []),
    'content-security-policy',
    'x-content-type-options',
    'referrer-policy',
  ]
  const findings: OutsideFinding[] = []
  const missing = wanted.filter((name) => page.header(name) === null)
  if (missing.length > 0) findings.push(found('error', { code: 'headers-missing', names: missing }))
  const twice = wanted.filter((name) => page.all(name).length > 1)
  if (twice.length > 0) findings.push(found('warning', { code: 'headers-twice', names: twice }))
  const hsts = page.header('strict-transport-security')
  const age = Number(/max-age="?(\d+)/i.exec(hsts ?? '')?.[1] ?? 0)
  if (isHttps && hsts !== null && age < hstsDays * 86_400)
    findings.push(found('warning', { code: 'hsts-short', days: Math.floor(age / 86_400) }))
  const policy = page.header('content-security-policy')
  if (policy !== null) findings.push(...judgePolicy(policy, page.text))
  return findings.length > 0 ? findings : [found('ok', { code: 'headers-ok' })]
}

function judgePolicy(policy: string, html: string): OutsideFinding[] {
  const nonce = nonceOf(policy)
  const isOurs =
    nonce !== null &&
    !/script-src[^;]*'unsafe-(inline|eval)'/.test(policy) &&
    /frame-ancestors 'none'/.test(policy) &&
    /base-uri 'none'/.test(policy)
  if (!isOurs) return [found('error', { code: 'policy-changed' })]
  const added = [...html.matchAll(/<script\b[^>]*>/gi)].filter(
    ([tag]) => !tag.includes(`nonce="${nonce}"`),
  )
  return added.length > 0 ? [found('warning', { code: 'scripts-added', count: added.length })] : []
}

const nonceOf = (policy: string | null): string | null =>
  /script-src[^;]*'nonce-([^']+)'/.exec(policy ?? '')?.[1] ?? null

/** Each page read twice, one after the other. */
export function judgeCaching(read: { path: string; visits: [Visit, Visit] }[]): OutsideFinding[] {
  const kept = read.filter(({ visits }) => cameFromCache(visits)).map(({ path }) => path)
  const mayBe = read
    .filter(({ visits }) =>
      visits.some((one) => !/no-store/i.test(one.header('cache-control') ?? '')),
    )
    .map(({ path }) => path)
  const findings: OutsideFinding[] = []
  if (kept.length > 0) findings.push(found('error', { code: 'kept-between', paths: kept }))
  if (mayBe.length > 0) findings.push(found('error', { code: 'may-be-kept', paths: mayBe }))
  return findings.length > 0
    ? findings
    : [found('ok', { code: 'not-kept', paths: read.map(({ path }) => path) })]
}

function cameFromCache([first, second]: [Visit, Visit]): boolean {
  const same = (value: (visit: Visit) => string | null) =>
    value(first) !== null && value(first) === value(second)
  const saysSo = ({ header }: Visit) =>
    Number(header('age') ?? 0) > 0 ||
    ['x-cache', 'cf-cache-status', 'x-cache-status'].some((name) =>
      /\bhit\b/i.test(header(name) ?? ''),
    )
  return (
    same(({ header }) => header('x-request-id')) ||
    same(({ header }) => nonceOf(header('content-security-policy'))) ||
    saysSo(first) ||
    saysSo(second)
  )
}

export function judgeSignIn(
  answers: { provider: string; answer: Visit }[],
  origin: URL,
): OutsideFinding[] {
  const addresses: string[] = []
  const findings = answers.flatMap(({ provider, answer }): OutsideFinding[] => {
    const { status } = answer
    if (status === 429) return [found('warning', { code: 'sign-in-limited', provider })]
    const location = answer.header('location') ?? ''
    const has = URL.canParse(location) ? new URL(location).searchParams.get('redirect_uri') : null
    if (status < 300 || status > 399 || has === null)
      return [found('error', { code: 'sign-in-fails', provider, status })]
    addresses.push(has)
    const wanted = `${origin.origin}/auth/${provider}/callback`
    const missing = missingFlags(answer, origin.protocol === 'https:')
    return [
      ...(has === wanted
        ? []
        : [found('error', { code: 'redirect-address', provider, has, wanted })]),
      ...(missing.length > 0 ? [found('error', { code: 'cookie-flags', provider, missing })] : []),
    ]
  })
  return findings.length > 0 ? findings : [found('ok', { code: 'sign-in-starts', addresses })]
}

/** Of the cookies that carry the attempt. One that is not set has none of them. */
function missingFlags(answer: Visit, isHttps: boolean): string[] {
  const set = answer.all('set-cookie').filter((cookie) => !/;\s*max-age=0\b/i.test(cookie))
  const wanted = [...(isHttps ? ['Secure'] : []), 'HttpOnly', 'SameSite=Lax', 'Path=/']
  return wanted.filter(
    (flag) =>
      set.length === 0 ||
      set.some(
        (cookie) =>
          !cookie.split(';').some((part) => part.trim().toLowerCase() === flag.toLowerCase()),
      ),
  )
}

/**
 * What only a visitor sees of a deployment: its certificate, what stands between, and where sign-in
 * leads. Needs nothing but the address. Signs nobody in and changes nothing.
 */
import { visit, type Visit } from '~/adapters/visit.server'
import { listOf, specialNetworks } from '~/networks'
import {
  found,
  type OutsideCheck,
  type OutsideFinding,
  type OutsideReport,
  type OutsideResult,
} from './outside-finding'
import { judgeCaching, judgeHeaders, judgeSignIn } from './outside-judgement'
import { worstOf } from './readiness-finding'

/** Certificates are renewed a month before their end: with less time left a renewal has failed. */
const renewedBeforeDays = 21
const lastDays = 7
const clockWarnSeconds = 5
const clockFailSeconds = 60
/** Pages that no cache may keep: one for everybody, one of a person, one with a form. */
const pages = ['/', '/me', '/sign-in']
const providers = ['github', 'google'] as const
/** Nobody has it: it is kept for examples. */
const inventedAddress = '198.51.100.77'
const headersOfClients = [
  'X-Forwarded-For',
  'X-Real-IP',
  'Fly-Client-IP',
  'CF-Connecting-IP',
  'True-Client-IP',
]
const isSpecial = listOf(specialNetworks)
const day = 86_400_000

/** `plainOrigin` is where plain http is answered: port 80, unless https has a port of its own. */
export type Place = { origin: URL; plainOrigin: URL | null }

export function placeOf(origin: URL): Place {
  return {
    origin,
    plainOrigin:
      origin.protocol === 'https:' && origin.port === ''
        ? new URL(`http://${origin.hostname}`)
        : null,
  }
}

export async function lookFromOutside(
  { origin, plainOrigin }: Place,
  now: Date,
): Promise<OutsideReport> {
  const first = await reach(origin)
  const checks: OutsideResult[] = [result('reach', first.findings)]
  const check = async (
    name: OutsideCheck,
    run: (home: Visit) => OutsideFinding[] | Promise<OutsideFinding[]>,
  ) => {
    const { home } = first
    const findings = home ? await orUnreachable(() => run(home)) : [skippedOne]
    checks.push(result(name, findings))
  }
  await check('certificate', ({ certificate }) => [judgeCertificate(certificate, now)])
  await check('redirect', async () => [await judgeRedirect(origin, plainOrigin)])
  await check('headers', async () => judgeHeaders(await at(origin, '/'), origin))
  await check('caching', () => readCaching(origin))
  await check('ready', async () => [judgeReady(await at(origin, '/readyz'))])
  await check('sign-in', () => readSignIn(origin))
  await check('client-address', async (home) => [await judgeClientAddress(origin, home)])
  await check('clock', (home) => [judgeClock(home)])
  const severity = worstOf(checks.map((one) => one.severity).filter((one) => one !== 'skipped'))
  return {
    origin: origin.origin,
    madeAt: now.toISOString(),
    severity: severity === 'skipped' ? 'ok' : severity,
    checks,
  }
}

const skippedOne = found('skipped', { code: 'not-visited' })

const result = (name: OutsideCheck, findings: OutsideFinding[]): OutsideResult => ({
  name,
  severity: worstOf(findings.map(({ severity }) => severity)),
  findings,
})

class Unreachable extends Error {
  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(`${path}: ${reason}`)
  }
}

async function at(
  origin: URL,
  path: string,
  request: Parameters<typeof visit>[1] = {},
): Promise<Visit> {
  try {
    return await visit(new URL(path, origin), request)
  } catch (error) {
    throw new Unreachable(path, error instanceof Error ? error.message : 'connection-lost')
  }
}

async function orUnreachable(
  run: () => OutsideFinding[] | Promise<OutsideFinding[]>,
): Promise<OutsideFinding[]> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return [found('error', { code: 'unreachable', path: error.path, reason: error.reason })]
  }
}

async function reach(origin: URL): Promise<{ home: Visit | null; findings: OutsideFinding[] }> {
  let home: Visit | null = null
  const findings = await orUnreachable(async () => {
    const visited = await at(origin, '/healthz')
    if (visited.status !== 200 || visited.text.trim() !== 'ok')
      return [found('error', { code: 'not-keymint', status: visited.status })]
    home = visited
    return [found('ok', { code: 'reached', address: visited.remoteAddress })]
  })
  return { home, findings }
}

function judgeCertificate(certificate: Visit['certificate'], now: Date): OutsideFinding {
  if (certificate === null) return found('error', { code: 'no-tls' })
  const { refused, endsAt, protocol } = certificate
  if (refused !== null) return found('error', { code: 'certificate-refused', reason: refused })
  const days = endsAt ? Math.floor((endsAt.getTime() - now.getTime()) / day) : 0
  if (days < renewedBeforeDays)
    return found(days < lastDays ? 'error' : 'warning', { code: 'certificate-ends', days })
  return found('ok', { code: 'certificate-ok', days, protocol: protocol ?? '' })
}

async function judgeRedirect(origin: URL, plain: URL | null): Promise<OutsideFinding> {
  if (plain === null) return found('skipped', { code: 'other-port' })
  let answer: Visit
  try {
    answer = await at(plain, '/sign-in?from=http')
  } catch (error) {
    const reason = error instanceof Unreachable ? error.reason : 'connection-lost'
    return found('warning', { code: 'no-http', reason })
  }
  const { status } = answer
  const location = answer.header('location')
  if (status < 300 || status > 399 || location === null)
    return found('error', { code: 'in-the-clear', status })
  const to = URL.canParse(location, plain) ? new URL(location, plain) : null
  return to?.origin === origin.origin
    ? found('ok', { code: 'https-ok' })
    : found('warning', { code: 'redirect-elsewhere', to: location.slice(0, 200) })
}

async function readCaching(origin: URL): Promise<OutsideFinding[]> {
  const twice: { path: string; visits: [Visit, Visit] }[] = []
  for (const path of pages)
    twice.push({ path, visits: [await at(origin, path), await at(origin, path)] })
  return judgeCaching(twice)
}

function judgeReady({ status, text }: Visit): OutsideFinding {
  if (status === 200) return found('ok', { code: 'ready-ok' })
  let report: { database?: unknown; migrated?: unknown } = {}
  try {
    report = JSON.parse(text) as typeof report
  } catch {
    return found('error', { code: 'page-fails', path: '/readyz', status })
  }
  const wrong =
    report.database === true ? (report.migrated === true ? 'worker' : 'migrations') : 'database'
  return found('error', { code: 'not-ready', wrong: [wrong] })
}

async function readSignIn(origin: URL): Promise<OutsideFinding[]> {
  const answers: { provider: string; answer: Visit }[] = []
  for (const provider of providers)
    answers.push({
      provider,
      // What a browser sends for the form of the button.
      answer: await at(origin, `/auth/${provider}`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          Origin: origin.origin,
          'Sec-Fetch-Site': 'same-origin',
        },
        body: '',
      }),
    })
  return judgeSignIn(answers, origin)
}

async function judgeClientAddress(origin: URL, home: Visit): Promise<OutsideFinding> {
  const address = home.header('keymint-client-address')
  if (address === null) return found('skipped', { code: 'address-unknown' })
  const told = await at(origin, '/healthz', {
    headers: Object.fromEntries(headersOfClients.map((name) => [name, inventedAddress])),
  })
  if (told.header('keymint-client-address') === inventedAddress)
    return found('error', { code: 'address-as-told' })
  const isFar = home.remoteAddress !== null && !isSpecial(home.remoteAddress)
  if (address === 'unknown' || (isFar && isSpecial(address)))
    return found('error', { code: 'address-of-proxy', address })
  return found('ok', { code: 'address-seen', address })
}

function judgeClock(home: Visit): OutsideFinding {
  const date = Date.parse(home.header('date') ?? '')
  if (!Number.isFinite(date)) return found('skipped', { code: 'no-date' })
  // The header tells whole seconds only.
  const middle = (home.sentAt.getTime() + home.answeredAt.getTime()) / 2
  const aheadSeconds = Math.round((date + 500 - middle) / 100) / 10
  const apart = Math.abs(aheadSeconds)
  if (apart <= clockWarnSeconds) return found('ok', { code: 'clock-agrees', aheadSeconds })
  return found(apart > clockFailSeconds ? 'error' : 'warning', {
    code: 'clock-differs',
    aheadSeconds,
  })
}

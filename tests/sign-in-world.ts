/**
 * Browsers that sign in through stand-ins of GitHub and Google, without a web server between. Every
 * world has one person of its own, by the next id.
 */
import type { Db } from '~/adapters/db.server'
import type { Provider } from '~/adapters/identity-provider'
import { type AuthSetup, createAuthSetup } from '~/adapters/identity-providers.server'
import { createFingerprints } from '~/adapters/fingerprint.server'
import { createLog } from '~/adapters/log.server'
import { createLimits } from '~/adapters/rate-limits.server'
import type { Settings } from '~/domain/ctx'
import { finishSignIn, startSignIn } from '~/web/sign-in.server'
import { CookieJar, startStandIns, type StandIns } from './identity-stand-ins'
import { testDb } from './database'

export async function openSignIns() {
  const database = await testDb()
  const closing: (() => Promise<unknown>)[] = [() => database.drop()]
  let serial = 5000

  const world = async (
    options: { appOrigin?: string; settings?: Partial<Settings>; db?: Db } = {},
  ) => {
    const appOrigin = options.appOrigin ?? 'http://localhost:3000'
    const standIns = await startStandIns({ appOrigin })
    closing.push(() => standIns.close())
    const id = serial++
    standIns.gitHubUser.id = id
    standIns.gitHubEmails = [{ email: `flow${id}@example.org`, primary: true, verified: true }]
    Object.assign(standIns.googleClaims, { sub: String(id), email: `flow${id}@gmail.com` })
    const auth = createAuthSetup(standIns.config)
    return {
      standIns,
      auth,
      ...flow(auth, { appOrigin, settings: options.settings, db: options.db }),
    }
  }

  const flow = (
    auth: AuthSetup,
    options: { appOrigin: string; settings?: Partial<Settings>; db?: Db },
  ) => {
    const lines: string[] = []
    const settings = {
      provisioningEnabled: true,
      maxTotalKeys: 0,
      adminEmails: [],
      adminGithubIds: [],
      viewerEmails: [],
      providerBaseUrl: 'https://openrouter.ai/api/v1',
      readUsageSeconds: 60,
      retentionDays: null,
      ...options.settings,
    }
    const ctx = {
      db: options.db ?? database.db,
      limits: createLimits(options.db ?? database.db),
      settings,
      fingerprints: createFingerprints({ own: [], encryption: [Buffer.alloc(32, 7)] }),
      log: createLog({
        level: 'info',
        name: 'test',
        destination: { write: (line) => lines.push(line) },
      }),
    }
    const jar = new CookieJar()
    const start = async (provider: Provider, returnTo: unknown = '/', from = jar) =>
      from.take(
        await startSignIn({
          request: from.request(`${options.appOrigin}/auth/${provider}`),
          auth,
          provider,
          returnTo,
        }),
      )
    const finish = async (provider: Provider, url: URL | string, from = jar) =>
      from.take(
        await finishSignIn({
          request: from.request(new URL(url, options.appOrigin), { 'User-Agent': 'test' }),
          ctx,
          auth,
          provider,
          requestId: 'r-1',
        }),
      )
    const signIn = async (standIns: StandIns, provider: Provider, returnTo: unknown = '/') =>
      finish(
        provider,
        standIns.consent((await start(provider, returnTo)).headers.get('Location') ?? ''),
      )
    const args = (path = '/me', init: RequestInit = {}, from = jar) => {
      const request = from.request(options.appOrigin + path)
      return {
        ctx,
        auth,
        request: new Request(request, {
          ...init,
          headers: {
            ...Object.fromEntries(request.headers),
            ...Object.fromEntries(new Headers(init.headers)),
          },
        }),
      }
    }
    return { ctx, jar, lines, start, finish, signIn, args }
  }

  return {
    world,
    flow,
    /** Closed with the database. */
    closing,
    /** The id of the person of the next world, and of the last one. */
    nextId: () => serial,
    lastId: () => serial - 1,
    close: () => Promise.all(closing.map((close) => close())),
  }
}

/** A response as its status and where it leads. */
export const where = (response: Response) =>
  `${response.status} ${response.headers.get('Location')}`
/** The response that a gate throws. */
export const thrown = async (attempt: Promise<unknown>): Promise<Response> => {
  const error = await attempt.then(
    () => new Error('let through'),
    (caught: unknown) => caught,
  )
  if (error instanceof Response) return error
  throw error
}

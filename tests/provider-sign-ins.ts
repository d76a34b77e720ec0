/** Both sign-in providers as stand-ins, with one browser in front of them. */
import { afterAll } from 'vitest'
import type { AuthConfig, Provider, ProviderIdentity } from '~/adapters/identity-provider'
import { createAuthSetup, explainSignInFailure } from '~/adapters/identity-providers.server'
import { CookieJar, startStandIns, type StandIns } from './identity-stand-ins'

const open = new Set<StandIns>()
afterAll(async () => {
  await Promise.all([...open].map((standIns) => standIns.close()))
})

/** Its servers are closed after the last test of the file. */
export async function signInWorld(
  change: (config: AuthConfig) => void = () => undefined,
  appOrigin = 'http://localhost:3000',
) {
  const standIns = await startStandIns({ appOrigin })
  open.add(standIns)
  change(standIns.config)
  const auth = createAuthSetup(standIns.config)
  const jar = new CookieJar()
  const start = async (provider: Provider, from = jar): Promise<string> => {
    const thrown = await auth.authenticator
      .authenticate(provider, from.request(`${appOrigin}/auth/${provider}`))
      .catch((error: unknown) => error)
    if (!(thrown instanceof Response)) throw thrown
    return from.take(thrown).headers.get('Location') ?? ''
  }
  const finish = (provider: Provider, url: URL, from = jar) =>
    auth.authenticator.authenticate(provider, from.request(url))
  const signIn = async (provider: Provider): Promise<ProviderIdentity> =>
    finish(provider, standIns.consent(await start(provider)))
  const failure = async (provider: Provider) =>
    explainSignInFailure(await signIn(provider).catch((error: unknown) => error))
  const closeProviders = async () => {
    open.delete(standIns)
    await standIns.close()
  }
  return { closeProviders, standIns, auth, jar, start, finish, signIn, failure }
}

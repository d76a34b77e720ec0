/**
 * GitHub and Google together, for one app: see `github.ts` and `google.ts` for what each promises.
 */
import type { Client } from './answers'
import { startGithub } from './github'
import { startGoogle } from './google'
import { people, type Person } from './people'

export type IdentityOptions = {
  /** Absent: a free one. */
  githubPort?: number
  googlePort?: number
  /**
   * Where the app lives; `<origin>/auth/github/callback` and `<origin>/auth/google/callback` are
   * registered. Default http://localhost:3000.
   */
  appOrigins?: string[]
  /**
   * Keeps Google's signing key over restarts. Nothing else needs to be kept: ids come from the list
   * of people.
   */
  dataDir?: string
  clients?: { github?: Client; google?: Client }
}

export type Identity = {
  github: Required<Client> & { url: string; apiUrl: string; faultsUrl: string }
  google: Required<Client> & {
    url: string
    authUrl: string
    tokenUrl: string
    issuer: string
    jwksUrl: string
    faultsUrl: string
  }
  people: Person[]
  /** Registers the callbacks of one more app. */
  allowOrigin(appOrigin: string): void
  stop(): Promise<void>
}

const defaultClients = {
  github: { clientId: 'keymint-local-github', clientSecret: 'local-github-secret-0f4b7c' },
  google: {
    clientId: 'keymint-local.apps.googleusercontent.test',
    clientSecret: 'local-google-secret-9a31de',
  },
}

/** Throws a StartError, whose message is for people, when a port is taken. */
export async function startIdentity(options: IdentityOptions = {}): Promise<Identity> {
  const origins = new Set(
    (options.appOrigins ?? ['http://localhost:3000']).map((origin) => new URL(origin).origin),
  )
  const given = { ...defaultClients, ...options.clients }
  const clients = {
    github: { secrets: new Set([given.github.clientSecret]), ...given.github },
    google: { secrets: new Set([given.google.clientSecret]), ...given.google },
  }
  const callbacks = (provider: string) => () =>
    [...origins].map((origin) => `${origin}/auth/${provider}/callback`)

  const github = await startGithub({
    port: options.githubPort,
    client: clients.github,
    redirectUris: callbacks('github'),
  })
  const google = await startGoogle({
    port: options.googlePort,
    client: clients.google,
    redirectUris: callbacks('google'),
    dataDir: options.dataDir,
  }).catch(async (error: unknown) => {
    await github.stop()
    throw error
  })
  return {
    github: {
      ...clients.github,
      url: github.url,
      apiUrl: `${github.url}/api/v3`,
      faultsUrl: `${github.url}/__sim/faults`,
    },
    google: {
      ...clients.google,
      url: google.url,
      authUrl: `${google.url}/o/oauth2/v2/auth`,
      tokenUrl: `${google.url}/token`,
      issuer: google.url,
      jwksUrl: `${google.url}/oauth2/v3/certs`,
      faultsUrl: `${google.url}/__sim/faults`,
    },
    people,
    allowOrigin: (appOrigin) => void origins.add(new URL(appOrigin).origin),
    stop: async () => {
      await Promise.all([github.stop(), google.stop()])
    },
  }
}

/**
 * The outside world in one call: PostgreSQL, OpenRouter, a LiteLLM proxy, RunPod, AWS, GitHub and Google,
 * for the demo, tests and benches. Guarantee: either everything runs, or nothing was left running and
 * the error says why.
 */
import path from 'node:path'
import { startIdentity, type Identity } from './identity/server'
import { startLiteLlm } from './litellm/server'
import { startOpenRouter } from './openrouter/server'
import { startAws } from './aws/server'
import { startRunPod } from './runpod/server'
import { resolvePostgres, type ResolvedPostgres } from './postgres/template'
import { StartError } from './start-error'

export type WorldOptions = {
  /**
   * Keeps the database, OpenRouter's ledger and Google's key. Absent: all is forgotten at the end.
   */
  dataDir?: string
  /** Use this server and start none. Default: DATABASE_URL of the environment. */
  databaseUrl?: string
  /** Whether a committed row survives a power cut. On where dataDir is given. */
  durable?: boolean
  /** Absent ones are free ports. */
  ports?: {
    postgres?: number
    openrouter?: number
    litellm?: number
    runpod?: number
    aws?: number
    github?: number
    google?: number
  }
  /** Where the app lives, for the providers' redirect addresses. Default http://localhost:3000. */
  appOrigins?: string[]
  managementKey?: string
  /** Of the OpenRouter account, in USD. */
  credits?: number
}

export type World = {
  postgres: ResolvedPostgres
  openrouter: Awaited<ReturnType<typeof startOpenRouter>>
  litellm: Awaited<ReturnType<typeof startLiteLlm>>
  runpod: Awaited<ReturnType<typeof startRunPod>>
  aws: Awaited<ReturnType<typeof startAws>>
  github: Identity['github']
  google: Identity['google']
  people: Identity['people']
  /** Registers the redirect addresses of one more app. */
  allowOrigin(appOrigin: string): void
  /** What an app at that address is to be configured with; secrets of its own excepted. */
  environment(appOrigin: string): Record<string, string>
  stop(): Promise<void>
}

/** Throws a StartError, whose message is for people, when something cannot start. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { dataDir, ports = {} } = options
  const inside = (name: string) => (dataDir ? path.join(dataDir, name) : undefined)
  const starting = [
    resolvePostgres({
      ...given('dataDir', inside('postgres')),
      ...given('port', ports.postgres),
      ...given('durable', options.durable),
      ...given('databaseUrl', options.databaseUrl),
    }),
    startOpenRouter({
      ...given('port', ports.openrouter),
      ...given('dataDir', inside('openrouter')),
      ...given('managementKey', options.managementKey),
      ...given('credits', options.credits),
    }).catch(readable),
    startLiteLlm({ ...given('port', ports.litellm), ...given('dataDir', inside('litellm')) }).catch(
      readable,
    ),
    startRunPod({ ...given('port', ports.runpod), ...given('dataDir', inside('runpod')) }).catch(
      readable,
    ),
    startAws({ ...given('port', ports.aws), ...given('dataDir', inside('aws')) }).catch(readable),
    startIdentity({
      ...given('githubPort', ports.github),
      ...given('googlePort', ports.google),
      ...given('dataDir', inside('identity')),
      ...given('appOrigins', options.appOrigins),
    }),
  ] as const
  const outcomes = await Promise.allSettled(starting)
  const [postgres, openrouter, litellm, runpod, aws, identity] = outcomes
  const running = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  )
  if (
    postgres.status === 'rejected' ||
    openrouter.status === 'rejected' ||
    litellm.status === 'rejected' ||
    runpod.status === 'rejected' ||
    aws.status === 'rejected' ||
    identity.status === 'rejected'
  ) {
    await Promise.allSettled(running.map((part) => part.stop()))
    throw togetherAsOne(
      outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
      ),
    )
  }
  const { github, google, people, allowOrigin } = identity.value
  let stopping: Promise<void> | undefined
  return {
    postgres: postgres.value,
    openrouter: openrouter.value,
    litellm: litellm.value,
    runpod: runpod.value,
    aws: aws.value,
    github,
    google,
    people,
    allowOrigin,
    environment: (appOrigin) => ({
      APP_ORIGIN: appOrigin,
      DATABASE_URL: postgres.value.url,
      OPENROUTER_BASE_URL: openrouter.value.baseUrl,
      OPENROUTER_MANAGEMENT_KEY: openrouter.value.managementKey,
      // A team's LiteLLM proxy is the stand-in on this machine.
      ALLOW_PRIVATE_SERVICES: '127.0.0.0/8,::1/128',
      GITHUB_CLIENT_ID: github.clientId,
      GITHUB_CLIENT_SECRET: github.clientSecret,
      GITHUB_WEB_URL: github.url,
      GITHUB_API_URL: github.apiUrl,
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
      GOOGLE_AUTH_URL: google.authUrl,
      GOOGLE_TOKEN_URL: google.tokenUrl,
      GOOGLE_ISSUERS: google.issuer,
      ADMIN_EMAILS: 'admin@keymint.test',
      VIEWER_EMAILS: 'viewer@keymint.test',
    }),
    stop: () =>
      (stopping ??= (async () => {
        // The database last: whoever still speaks to a provider may have something to write.
        await Promise.all([
          openrouter.value.stop(),
          litellm.value.stop(),
          runpod.value.stop(),
          aws.value.stop(),
          identity.value.stop(),
        ])
        await postgres.value.stop()
      })()),
  }
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value })
}

// Its errors of starting are sentences, of the plain kind.
function readable(error: unknown): never {
  throw error instanceof Error ? new StartError(error.message) : error
}

function togetherAsOne(reasons: unknown[]): unknown {
  const bug = reasons.find((reason) => !(reason instanceof StartError))
  if (bug !== undefined) return bug
  return new StartError(reasons.map((reason) => (reason as StartError).message).join('\n'))
}

/**
 * What the readiness check may know of the environment: addresses, and which secrets are weak. No
 * secret leaves this file.
 */
import type { Deployment, WeakSecret } from './domain/ctx'
import type { Env } from './env.server'

/** From an environment that may be incomplete: missing parts are left out. */
export function deploymentOf(env: Partial<Env>): Deployment {
  const { APP_ORIGIN: appOrigin = '' } = env
  return {
    appOrigin,
    signIn: appOrigin ? signInOf(env, appOrigin) : [],
    weakSecrets: weakSecretsOf(env),
    operator: {
      name: env.OPERATOR_NAME ?? null,
      imprintUrl: env.IMPRINT_URL ?? null,
      privacyUrl: env.PRIVACY_URL ?? null,
    },
  }
}

function signInOf(env: Partial<Env>, appOrigin: string): Deployment['signIn'] {
  const page = (
    provider: string,
    address: string | undefined,
    clientId: string | undefined,
    redirectUri: string,
    more: Record<string, string>,
  ) => {
    if (!address || !clientId) return []
    const url = new URL(address)
    url.search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      ...more,
    }).toString()
    return [{ provider, authorizeUrl: url.href, redirectUri }]
  }
  const github =
    env.GITHUB_WEB_URL && `${env.GITHUB_WEB_URL.replace(/\/+$/, '')}/login/oauth/authorize`
  return [
    ...page('GitHub', github, env.GITHUB_CLIENT_ID, `${appOrigin}/auth/github/callback`, {}),
    ...page(
      'Google',
      env.GOOGLE_AUTH_URL,
      env.GOOGLE_CLIENT_ID,
      `${appOrigin}/auth/google/callback`,
      { response_type: 'code', scope: 'openid' },
    ),
  ]
}

const sampleText = /change.?me|example|password|secret|your.?(own|key)|insecure|keymint/i
/**
 * Random text of 32 characters has far more different ones, also in hex; 32 random bytes have about
 * thirty.
 */
const minDifferentCharacters = 10
const minDifferentBytes = 16

function weakSecretsOf(env: Partial<Env>): WeakSecret[] {
  const {
    SESSION_SECRET: session = [],
    ENCRYPTION_KEY: encryption = [],
    METRICS_TOKEN: metrics,
  } = env
  const found: WeakSecret[] = []
  if (session.some((secret) => sampleText.test(secret))) found.push('session-example')
  else if (session.some((secret) => new Set(secret).size < minDifferentCharacters))
    found.push('session-repetitive')
  if (
    encryption.some(
      (key) => new Set(key).size < minDifferentBytes || sampleText.test(key.toString('latin1')),
    )
  )
    found.push('encryption-not-random')
  const bytesOf = (secret: string) => [
    Buffer.from(secret),
    Buffer.from(secret, 'hex'),
    Buffer.from(secret, 'base64'),
  ]
  if (
    session.some((secret) =>
      encryption.some((key) => bytesOf(secret).some((bytes) => bytes.equals(key))),
    )
  )
    found.push('session-is-encryption')
  if (metrics !== undefined && session.includes(metrics)) found.push('metrics-is-session')
  if (
    metrics !== undefined &&
    encryption.some((key) => bytesOf(metrics).some((bytes) => bytes.equals(key)))
  )
    found.push('metrics-is-encryption')
  return found
}

/**
 * The only reader of process.env. A process refuses to start on a bad environment and lists
 * every error at once; the list never contains the value of a secret.
 */
import { z } from 'zod'
import { isRecipient } from './adapters/backup-file.server'
import { parseQuietHours } from './quiet-hours'
import { isNeverCalled, parseNetwork, type Network } from './networks'

const isLoopback = (hostname: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

const url = z
  .string()
  .refine((value) => URL.canParse(value), 'must be a URL such as https://example.org')
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)
const optionalList = z.string().default('').pipe(list)
const wholeNumber = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`
  return z.coerce.number(message).int(message).min(min, message).max(max, message)
}

const secretList = list
  .refine(
    (items) => items.length > 0,
    'must hold at least one secret (newest first, separated by commas)',
  )
  .refine(
    (items) => items.every((item) => item.length >= 32),
    'every secret must have 32 characters or more',
  )

const keyBytes = (text: string) =>
  /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
const encryptionKeys = list
  .refine(
    (items) => items.length > 0,
    'must hold at least one key (newest first, separated by commas)',
  )
  .refine(
    (items) => items.every((item) => keyBytes(item).length === 32),
    'every key must be 32 bytes in base64 or hex: openssl rand -base64 32',
  )
  .transform((items) => items.map(keyBytes))

/** Whether user and password of an address can be decoded, as every driver does. */
function isDecodable(value: string): boolean {
  if (!URL.canParse(value)) return true
  const { username, password } = new URL(value)
  try {
    return [username, password].map(decodeURIComponent).length > 0
  } catch {
    return false
  }
}
const decodable = 'has a % in its user or password that starts no code: write %25 for it'

const postgresUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    'must be postgresql://user:password@host:5432/database',
  )
  .refine(isDecodable, decodable)

/** Networks in CIDR. No secret: the error names what is wrong. */
const networks = optionalList.transform((items, ctx): Network[] =>
  items.flatMap((item) => {
    const network = parseNetwork(item)
    const problem = !network
      ? `"${item}" is not a network: write it as 10.0.0.0/8 or fd00::/8, several with commas`
      : isNeverCalled(network.address)
        ? `"${item}" is link-local, a metadata address or of nobody, and is never called`
        : null
    if (problem !== null) ctx.addIssue({ code: 'custom', message: problem })
    return network && problem === null ? [network] : []
  }),
)

/** A secret that is sent in a header: printable ASCII without spaces. */
const headerSecret = (missing: string) =>
  z
    .string()
    .min(1, missing)
    .regex(
      /^[\x21-\x7e]*$/,
      'holds a character that no request can carry, such as a space or a line break: copy it again',
    )

/** An address that pages link to: nothing else than a page may be behind it. */
const webPage = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be the address of a page, such as https://example.org/imprint',
  )

/** Where alerts are posted. A secret: no error quotes it. */
const webhookUrl = z.string().refine((value) => {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, hash } = new URL(value)
  return /^https?:$/.test(protocol) && !username && !password && !hash
}, 'must be an address such as https://hooks.example.org/keymint, without a user or a fragment')

const mailAddress = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/
const mailAddresses = list.refine(
  (items) => items.every((item) => mailAddress.test(item)),
  'must be mail addresses, separated by commas',
)
const sender = z
  .string()
  .refine(
    (value) => mailAddress.test(/^[^<>"\r\n,;]*<([^<>]+)>$/.exec(value)?.[1] ?? value),
    'must be keymint@example.org or Keymint <keymint@example.org>',
  )

const quietHours = z.string().transform((text, ctx) => {
  const hours = parseQuietHours(text)
  if (hours === null)
    ctx.addIssue({
      code: 'custom',
      message: 'must be two times and a zone, such as 22:00-07:00 Europe/Berlin',
    })
  return hours
})

const envSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('production'),
  DATABASE_URL: postgresUrl,
  DIRECT_DATABASE_URL: postgresUrl.optional(),
  // Off behind a pooler that hands sessions out by transaction and knows no prepared statements.
  NAMED_STATEMENTS: z
    .enum(['true', 'false'])
    .default('true')
    .transform((value) => value === 'true'),
  APP_ORIGIN: url.refine(
    (value) => URL.canParse(value) && new URL(value).origin === value,
    'must be an origin without a path: https://keys.example.org',
  ),
  PORT: wholeNumber(1, 65_535).default(3000),
  SESSION_SECRET: secretList,
  ENCRYPTION_KEY: encryptionKeys,
  // Keys of bans and holds. Missing: the oldest of ENCRYPTION_KEY, for as long as it is listed.
  FINGERPRINT_KEY: encryptionKeys.optional(),
  // Hashes addresses of rosters. Missing: derived from the oldest key of the two lists above.
  ROSTER_KEY: encryptionKeys.optional(),
  OPENROUTER_MANAGEMENT_KEY: headerSecret(
    'must be a management key from https://openrouter.ai/settings/management-keys',
  ),
  OPENROUTER_BASE_URL: url.default('https://openrouter.ai/api/v1'),
  OPENROUTER_WORKSPACE_ID: z.uuid('must be the uuid of an OpenRouter workspace').optional(),
  GITHUB_CLIENT_ID: headerSecret('must not be empty'),
  GITHUB_CLIENT_SECRET: headerSecret('must not be empty'),
  GITHUB_WEB_URL: url.default('https://github.com'),
  GITHUB_API_URL: url.default('https://api.github.com'),
  GOOGLE_CLIENT_ID: headerSecret('must not be empty'),
  GOOGLE_CLIENT_SECRET: headerSecret('must not be empty'),
  GOOGLE_AUTH_URL: url.default('https://accounts.google.com/o/oauth2/v2/auth'),
  GOOGLE_TOKEN_URL: url.default('https://oauth2.googleapis.com/token'),
  GOOGLE_ISSUERS: z.string().default('https://accounts.google.com,accounts.google.com').pipe(list),
  ADMIN_EMAILS: optionalList,
  ADMIN_GITHUB_IDS: optionalList.refine(
    (ids) => ids.every((id) => /^\d+$/.test(id)),
    'must be numeric GitHub ids, separated by commas',
  ),
  VIEWER_EMAILS: optionalList,
  // Only `true` is on: a typing error must not hand out keys.
  PROVISIONING_ENABLED: z
    .string()
    .default('')
    .transform((value) => value === 'true'),
  // Malformed means no giveaway keys at all, and never stops the start.
  MAX_TOTAL_KEYS: z
    .string()
    .default('')
    .transform((value) => (/^[1-9]\d{0,8}$/.test(value) ? Number(value) : 0)),
  MINT_CONCURRENCY: wholeNumber(1, 100).default(8),
  READ_USAGE_SECONDS: wholeNumber(5, 60).default(60),
  // Teams enter addresses of proxies: only publicly routed ones, and those of these networks.
  ALLOW_PRIVATE_SERVICES: networks,
  METRICS_TOKEN: headerSecret('must not be empty')
    .min(16, 'must have 16 characters or more')
    .optional(),
  METRICS_PORT: wholeNumber(1, 65_535).optional(),
  METRICS_PORT_OPEN: z
    .string()
    .default('')
    .transform((value) => value === 'true'),
  OPERATOR_NAME: z.string().trim().max(120, 'must have at most 120 characters').optional(),
  IMPRINT_URL: webPage.optional(),
  PRIVACY_URL: webPage.optional(),
  SMTP_URL: url.refine(isDecodable, decodable).optional(),
  SMTP_FROM: sender.optional(),
  // Who is told when something is wrong: docs/alerts.md.
  ALERT_WEBHOOK_URL: webhookUrl.optional(),
  ALERT_WEBHOOK_SECRET: secretList.optional(),
  ALERT_SLACK_URL: webhookUrl.optional(),
  ALERT_MAIL_TO: mailAddresses.optional(),
  ALERT_QUIET_HOURS: quietHours.optional(),
  RETENTION_DAYS: wholeNumber(1, 36_500).optional(),
  BACKUP_DIR: z.string().optional(),
  BACKUP_RECIPIENTS: optionalList.refine(
    (items) => items.every(isRecipient),
    'must be recipients of age (age1…, as age-keygen prints them), separated by commas',
  ),
  BACKUP_KEEP_DAYS: wholeNumber(1, 3_650).default(14),
  CLIENT_IP_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a header, such as Fly-Client-IP')
    .optional(),
  WORKSHOPS_DIR: z.string().default('workshops'),
  FLY_REGION: z.string().optional(),
  FLY_IMAGE_REF: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

export type Env = z.output<typeof envSchema>

/** Of every variable that is read. */
export const settingNames = Object.keys(envSchema.shape)

/** Thrown when the environment is unusable; `message` is the whole list, one line a variable. */
export class EnvError extends Error {
  override name = 'EnvError'
}

const overridable = [
  'OPENROUTER_BASE_URL',
  'GITHUB_WEB_URL',
  'GITHUB_API_URL',
  'GOOGLE_AUTH_URL',
  'GOOGLE_TOKEN_URL',
] as const

/**
 * The variables that are usable, and one line for everything that is wrong with the others. Never
 * throws, and quotes no value.
 */
export function inspectEnv(source: Record<string, string | undefined> = process.env): {
  env: Partial<Env>
  problems: string[]
} {
  // A shell makes an empty variable of a missing one: both get the default.
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ''),
  )
  const problems: string[] = []
  const env: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(envSchema.shape)) {
    const parsed = schema.safeParse(given[name])
    if (parsed.success) env[name] = parsed.data
    else
      problems.push(
        ...parsed.error.issues.map(
          (issue) => `${name}: ${name in given ? issue.message : 'is missing'}`,
        ),
      )
  }
  if ((given.NODE_ENV ?? 'production') === 'production') {
    // All that is given, not only what parsed: the list is complete also when something else is
    // wrong. The defaults are https.
    for (const name of [...overridable, 'APP_ORIGIN'] as const) {
      const value = given[name]
      if (value === undefined || !URL.canParse(value)) continue
      const { protocol, hostname } = new URL(value)
      if (protocol !== 'https:' && !isLoopback(hostname))
        problems.push(`${name}: must be https in production (or loopback)`)
    }
  }
  problems.push(...alertProblems(given))
  return { env, problems }
}

/** What one variable of the alerts needs of another. */
function alertProblems(given: Record<string, string | undefined>): string[] {
  const problems: string[] = []
  if (given.ALERT_WEBHOOK_URL !== undefined && given.ALERT_WEBHOOK_SECRET === undefined)
    problems.push('ALERT_WEBHOOK_SECRET: is missing, and signs what ALERT_WEBHOOK_URL gets')
  if (given.ALERT_MAIL_TO !== undefined && given.SMTP_URL === undefined)
    problems.push('SMTP_URL: is missing, and sends what ALERT_MAIL_TO gets')
  if (given.ALLOW_PRIVATE_SERVICES === undefined)
    for (const name of ['ALERT_WEBHOOK_URL', 'ALERT_SLACK_URL'])
      if (given[name]?.startsWith('http:'))
        problems.push(`${name}: must be https, or in a network of ALLOW_PRIVATE_SERVICES`)
  return problems
}

/** Reads and checks the environment. Throws EnvError naming every missing or malformed variable. */
export function readEnv(source: Record<string, string | undefined> = process.env): Env {
  const { env, problems } = inspectEnv(source)
  if (problems.length > 0) {
    throw new EnvError(
      [
        `Keymint cannot start: the environment has ${problems.length} ${problems.length === 1 ? 'error' : 'errors'}.`,
        ...problems.map((line) => `  - ${line}`),
        'See .env.example for every variable.',
      ].join('\n'),
    )
  }
  return env as Env
}

/** Of a webhook's address: whoever knows it can post. The host alone is no secret. */
function secretParts(text: string | undefined): string[] {
  if (text === undefined) return []
  const { pathname, search } = new URL(text)
  return [text, pathname.length > 8 ? pathname : '', search]
}

/** Values that no log may show, in every form in which they are used. */
export function secretsOf(env: Env): (string | undefined)[] {
  const passwordOf = (text: string | undefined) =>
    text && URL.canParse(text) ? new URL(text).password : ''
  const passwords = [env.DATABASE_URL, env.DIRECT_DATABASE_URL, env.SMTP_URL].map(passwordOf)
  return [
    ...env.SESSION_SECRET,
    ...[...env.ENCRYPTION_KEY, ...(env.FINGERPRINT_KEY ?? []), ...(env.ROSTER_KEY ?? [])].flatMap(
      (key) => [key.toString('base64'), key.toString('base64url'), key.toString('hex')],
    ),
    env.OPENROUTER_MANAGEMENT_KEY,
    env.GITHUB_CLIENT_SECRET,
    env.GOOGLE_CLIENT_SECRET,
    env.METRICS_TOKEN,
    ...(env.ALERT_WEBHOOK_SECRET ?? []),
    ...[env.ALERT_WEBHOOK_URL, env.ALERT_SLACK_URL].flatMap(secretParts),
    ...passwords.flatMap((password) => [password, decodeURIComponent(password)]),
  ]
}

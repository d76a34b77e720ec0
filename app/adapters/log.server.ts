/**
 * Logs: one JSON line an event on stdout, with the id of the request or job in which it was
 * written. Secrets are removed by the name of their field at any depth, by the look of the value,
 * and by the values that this process was given.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import pino from 'pino'

export type Log = pino.Logger

const secretLook = new RegExp(
  [
    /sk-or-[A-Za-z0-9_-]{8,}/,
    /\bsk-[A-Za-z0-9_-]{16,}/,
    // A sealed envelope.
    /v[123]\.[0-9a-f]{8}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9._-]+/,
    // A token of GitHub's.
    /gh[opsu]_[A-Za-z0-9]{16,}/,
    /(?<=[Bb]earer )[A-Za-z0-9._~+/-]{12,}/,
    // The password of a URL.
    /(?<=:\/\/[^:/\s]+:)[^@/\s]+(?=@)/,
  ]
    .map((one) => one.source)
    .join('|'),
  'g',
)
const secretField = new RegExp(
  `^(${[
    'key|api_?key|.*_key_plaintext|orkeyplaintext|plaintext',
    'secret|.*_secret|.*secret',
    'token|.*_token|access_?token|refresh_?token|id_?token',
    'authorization|proxy-authorization|cookie|set-cookie',
    'password|passphrase',
  ].join('|')})$`,
  'i',
)
const censored = '[secret]'
/** A shorter value would match inside ordinary words. */
const minKnownLength = 8

const known = new Set<string>()

/**
 * Values that the logs of this process must never show, also JSON-escaped and URL-encoded. Values
 * shorter than eight characters are left out.
 */
export function rememberSecrets(values: Iterable<string | undefined>): void {
  for (const value of values) {
    if (value === undefined || value.length < minKnownLength) continue
    for (const spelling of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
      known.add(spelling)
  }
}

/** Replaces everything in a text that is, or looks like, one of our secrets. */
export function scrub(text: string): string {
  let clean = text.replace(secretLook, censored)
  for (const value of known) if (clean.includes(value)) clean = clean.replaceAll(value, censored)
  return clean
}

const surroundings = new AsyncLocalStorage<Record<string, unknown>>()

/**
 * Whatever is logged while `work` runs carries these fields: the id of a request, the name and id
 * of a job.
 */
export function inLogContext<Result>(fields: Record<string, unknown>, work: () => Result): Result {
  return surroundings.run({ ...surroundings.getStore(), ...fields }, work)
}

/**
 * Only name, message, code and stack of an error: provider errors carry requests, responses and
 * bodies.
 */
function plainError(error: unknown): unknown {
  if (typeof error === 'string') return error
  // pg-boss reports plain objects.
  if (!(error instanceof Error))
    return typeof error === 'object' && error !== null && 'message' in error
      ? { message: String(error.message) }
      : { kind: typeof error }
  return {
    name: error.name,
    message: error.message,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
      ? { code: error.code }
      : {}),
    stack: error.stack,
    ...(error.cause instanceof Error
      ? { cause: { name: error.cause.name, message: error.cause.message } }
      : {}),
  }
}

const deepest = 8

/** A copy without the fields that are named like a secret. Errors are left to their serializer. */
function withoutSecretFields(value: unknown, depth = 0): unknown {
  if (Array.isArray(value))
    return depth > deepest ? '[deep]' : value.map((item) => withoutSecretFields(item, depth + 1))
  if (
    typeof value !== 'object' ||
    value === null ||
    (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
  )
    return value
  if (depth > deepest) return '[deep]'
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      secretField.test(name) && inner !== null && inner !== undefined
        ? censored
        : withoutSecretFields(inner, depth + 1),
    ]),
  )
}

/** Writes to stdout unless `destination` is given. Secrets are removed from every line. */
export function createLog(options: {
  level: string
  name: string
  destination?: { write(line: string): void }
}): Log {
  const destination = options.destination ?? process.stdout
  return pino(
    {
      level: options.level,
      base: { process: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => surroundings.getStore() ?? {},
      // A line's own fields win: the code that logs a job's failure may name the job.
      mixinMergeStrategy: (fields, around) => ({ ...around, ...fields }),
      formatters: { log: (fields) => withoutSecretFields(fields) as Record<string, unknown> },
      serializers: { error: plainError, err: plainError },
    },
    { write: (line: string) => void destination.write(scrub(line)) },
  )
}

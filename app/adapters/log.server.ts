/** Logs: one JSON line an event on stdout. Secrets are removed by field name and by the look of the value. */
import pino from 'pino'

export type Log = pino.Logger

const secretValue = /sk-or-[A-Za-z0-9_-]{8,}|\bsk-[A-Za-z0-9_-]{16,}|v[12]\.[0-9a-f]{8}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9._-]+|gh[opsu]_[A-Za-z0-9]{16,}|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{12,}|(?<=:\/\/[^:/\s]+:)[^@/\s]+(?=@)/g

/** Replaces everything in a text that looks like one of our secrets. */
export function scrub(text: string): string {
  return text.replace(secretValue, '[secret]')
}

/** Only name, message, code and stack of an error: request, response and body objects hang on provider errors. */
function plainError(error: unknown): unknown {
  if (typeof error === 'string') return error
  // pg-boss reports plain objects.
  if (!(error instanceof Error)) return typeof error === 'object' && error !== null && 'message' in error ? { message: String(error.message) } : { kind: typeof error }
  return {
    name: error.name,
    message: error.message,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: { name: error.cause.name, message: error.cause.message } } : {}),
  }
}

export function createLog(options: { level: string; name: string; destination?: { write(line: string): void } }): Log {
  const destination = options.destination ?? process.stdout
  return pino(
    {
      level: options.level,
      base: { process: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: plainError, err: plainError },
      redact: { paths: ['key', 'apiKey', 'plaintext', 'secret', 'token', 'authorization', 'cookie', '*.key', '*.apiKey', '*.plaintext', '*.secret', '*.token', '*.authorization', '*.cookie'], censor: '[secret]' },
    },
    { write: (line: string) => void destination.write(scrub(line)) },
  )
}

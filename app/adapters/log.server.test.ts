import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createLog, inLogContext, rememberSecrets } from './log.server'
import { createSealer } from './sealing.server'

const key = `sk-or-v1-${randomBytes(32).toString('hex')}`
const place = { table: 't', row: 'r', generation: 1 }
const envelope = createSealer([randomBytes(32)]).seal(key, place)
const vaultEnvelope = createSealer([randomBytes(32)]).sealForVault(key, place)
const proxyKey = `sk-${randomBytes(16).toString('base64url')}`

function lineOf(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  write(
    createLog({
      level: 'debug',
      name: 'test',
      destination: { write: (line) => void lines.push(line) },
    }),
  )
  return lines.join('')
}

test('a key, an envelope, a token and a password do not reach a line, wherever in the event they stand', () => {
  const secrets = [
    key,
    envelope,
    vaultEnvelope,
    vaultEnvelope.split('.')[5]!,
    proxyKey,
    'gho_16charactersandmore',
    'databasepassword',
    'opaquebearertoken',
  ]
  const text = `about ${key} and ${envelope} and ${vaultEnvelope} and ${proxyKey} and gho_16charactersandmore at postgresql://user:databasepassword@db/x with Bearer opaquebearertoken`
  const line = lineOf((log) => {
    log.info({ deep: { deeper: [text] } }, text)
    log.error({ error: new Error(text, { cause: new Error(text) }) }, 'failed')
    log.error({ error: { message: text } }, 'failed')
    log.info({ key: 'anything', nested: { token: 'anything', plaintext: 'anything' } }, 'named')
  })
  for (const secret of secrets) expect(line).not.toContain(secret)
  expect(line).not.toContain('anything')
  expect(
    line
      .split('\n')
      .filter(Boolean)
      .every((one) => typeof JSON.parse(one) === 'object'),
  ).toBe(true)
})

test('what hangs on an error is not written with it', () => {
  const error = Object.assign(new Error('refused'), {
    request: { headers: { authorization: 'opaque-management-key' } },
    body: 'the-body',
    code: 'E_CODE',
  })
  const line = lineOf((log) => log.error({ error }, 'failed'))
  expect(line).not.toMatch(/opaque-management-key|the-body/)
  expect(JSON.parse(line)).toMatchObject({ error: { message: 'refused', code: 'E_CODE' } })
})

test('a secret this process was given does not reach a line, in whatever spelling', () => {
  const management = `opaque-management-value-${randomBytes(6).toString('hex')}`
  const odd = `pa"ss\\word/${randomBytes(6).toString('hex')}`
  rememberSecrets([management, odd, 'short', undefined])
  const line = lineOf((log) => {
    log.info(
      { deep: { text: `x${management}y` }, odd },
      `the value is ${management}, a short one stays, https://x/?p=${encodeURIComponent(odd)}`,
    )
    log.error({ error: new Error(`failed with ${odd}`) }, 'failed')
  })
  for (const secret of [management, odd, JSON.stringify(odd).slice(1, -1), encodeURIComponent(odd)])
    expect(line).not.toContain(secret)
  expect(line).toContain('a short one stays')
})

test('what stands under the name of a secret is cut at any depth, and only that', () => {
  const line = lineOf((log) =>
    log.info(
      {
        request: {
          headers: {
            authorization: 'opaque-a',
            cookie: 'opaque-b',
            'set-cookie': ['opaque-c'],
            accept: 'text/html',
          },
        },
        rows: [
          { or_key_plaintext: 'opaque-d', key_label: 'sk-or-v1-abc...xyz' },
          {
            deeper: [
              {
                client_secret: 'opaque-e',
                accessToken: 'opaque-f',
                password: 'opaque-g',
                keyHash: 'kept-hash',
              },
            ],
          },
        ],
      },
      'x',
    ),
  )
  expect(line).not.toMatch(/opaque-/)
  for (const kept of ['text/html', 'sk-or-v1-abc...xyz', 'kept-hash']) expect(line).toContain(kept)
})

test('every line carries the request or job it was written in, also across awaits and beside others', async () => {
  const lines: string[] = []
  const log = createLog({
    level: 'debug',
    name: 'test',
    destination: { write: (line) => void lines.push(line) },
  })
  const work = async (message: string) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
    log.info({}, message)
    await Promise.resolve()
    log.child({ part: 'inner' }).info(message)
  }
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      inLogContext({ requestId: `r-${index}` }, () =>
        inLogContext({ job: 'sweep' }, () => work(`r-${index}`)),
      ),
    ),
  )
  log.info('outside')
  const parsed = lines.map(
    (line) => JSON.parse(line) as { requestId?: string; job?: string; msg: string },
  )
  expect(parsed).toHaveLength(41)
  for (const { requestId, job, msg } of parsed)
    expect([requestId, job]).toEqual(msg === 'outside' ? [undefined, undefined] : [msg, 'sweep'])
})

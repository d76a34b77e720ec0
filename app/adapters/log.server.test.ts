import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createLog } from './log.server'
import { createSealer } from './sealing.server'

const key = `sk-or-v1-${randomBytes(32).toString('hex')}`
const place = { table: 't', row: 'r', generation: 1 }
const envelope = createSealer([randomBytes(32)]).seal(key, place)
const vaultEnvelope = createSealer([randomBytes(32)]).sealForVault(key, place)
const proxyKey = `sk-${randomBytes(16).toString('base64url')}`

function lineOf(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  write(createLog({ level: 'debug', name: 'test', destination: { write: (line) => void lines.push(line) } }))
  return lines.join('')
}

test('a key, an envelope, a token and a password do not reach a line, wherever in the event they stand', () => {
  const secrets = [key, envelope, vaultEnvelope, vaultEnvelope.split('.')[5]!, proxyKey, 'gho_16charactersandmore', 'databasepassword', 'opaquebearertoken']
  const text = `about ${key} and ${envelope} and ${vaultEnvelope} and ${proxyKey} and gho_16charactersandmore at postgresql://user:databasepassword@db/x with Bearer opaquebearertoken`
  const line = lineOf((log) => {
    log.info({ deep: { deeper: [text] } }, text)
    log.error({ error: new Error(text, { cause: new Error(text) }) }, 'failed')
    log.error({ error: { message: text } }, 'failed')
    log.info({ key: 'anything', nested: { token: 'anything', plaintext: 'anything' } }, 'named')
  })
  for (const secret of secrets) expect(line).not.toContain(secret)
  expect(line).not.toContain('anything')
  expect(line.split('\n').filter(Boolean).every((one) => typeof JSON.parse(one) === 'object')).toBe(true)
})

test('what hangs on an error is not written with it', () => {
  const error = Object.assign(new Error('refused'), { request: { headers: { authorization: 'opaque-management-key' } }, body: 'the-body', code: 'E_CODE' })
  const line = lineOf((log) => log.error({ error }, 'failed'))
  expect(line).not.toMatch(/opaque-management-key|the-body/)
  expect(JSON.parse(line)).toMatchObject({ error: { message: 'refused', code: 'E_CODE' } })
})

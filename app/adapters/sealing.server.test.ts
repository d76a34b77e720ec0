import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSealer, UnsealError } from './sealing.server'

const place = { table: 'workshop_attendance', row: '7f0c', generation: 1 }
const secret = `sk-or-v1-${'ab'.repeat(32)}`

/** A small die of its own, so that a failure can be repeated. */
function dieOf(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

const opens = (attempt: () => string) => {
  try {
    attempt()
    return true
  } catch (error) {
    if (error instanceof UnsealError) return false
    throw error
  }
}

test('of ten thousand flipped, swapped, cut and lengthened envelopes not one opens', () => {
  const sealer = createSealer([randomBytes(32)])
  const seed = 20_261_121
  const die = dieOf(seed)
  const other = sealer.seal(`sk-or-v1-${'cd'.repeat(32)}`, place).split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n'
  let accepted = 0
  for (let round = 0; round < 10_000; round++) {
    const envelope = sealer.seal(secret, place)
    const at = die(envelope.length)
    const parts = envelope.split('.')
    const part = die(parts.length)
    const bytes = Buffer.from(parts[3] ?? '', 'base64url')
    const bent = [
      () => envelope.slice(0, at) + alphabet[die(alphabet.length)] + envelope.slice(at + 1),
      () => envelope.slice(0, at),
      () => envelope.slice(0, at) + envelope.slice(at + 1),
      () => envelope.slice(0, at) + alphabet[die(alphabet.length)] + envelope.slice(at),
      () => parts.map((text, index) => (index === part ? other[index] : text)).join('.'),
      () => { bytes[die(bytes.length)]! ^= 1 << die(8); return [...parts.slice(0, 3), bytes.toString('base64url')].join('.') },
      // A tag of four bytes is what Node takes unless it is told otherwise.
      () => [...parts.slice(0, 3), bytes.subarray(0, bytes.length - 12).toString('base64url')].join('.'),
    ][die(7)]!()
    if (bent === envelope) continue
    if (opens(() => sealer.unseal(bent, place))) accepted++
  }
  expect(accepted, `seed ${seed}`).toBe(0)
})

test('a sealed secret opens at its own table, row and generation, and at no other', () => {
  const sealer = createSealer([randomBytes(32)])
  const envelope = sealer.seal(secret, place)
  expect(sealer.unseal(envelope, place)).toBe(secret)
  for (const elsewhere of [{ table: 'api_keys' }, { row: '7f0d' }, { generation: 2 }]) {
    expect(() => sealer.unseal(envelope, { ...place, ...elsewhere })).toThrow(UnsealError)
  }
})

test('after a rotation the old key opens what it sealed, and the new one seals', () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)]
  const before = createSealer([old]).seal(secret, place)
  const rotated = createSealer([fresh, old])
  expect(rotated.unseal(before, place)).toBe(secret)
  const after = rotated.seal(secret, place)
  expect(after.split('.')[1]).toBe(createSealer([fresh]).newestKeyId)
  expect(createSealer([fresh]).unseal(after, place)).toBe(secret)
  expect(() => createSealer([fresh]).unseal(before, place)).toThrow(UnsealError)
})

test('the words of a failed opening hold neither the secret nor the envelope', () => {
  const sealer = createSealer([randomBytes(32)])
  const envelope = sealer.seal(secret, place)
  const error = (() => { try { return sealer.unseal(envelope, { ...place, row: 'x' }) } catch (caught) { return caught } })()
  expect(String((error as Error).stack)).not.toContain(envelope)
  expect((error as Error).cause).toBeUndefined()
})

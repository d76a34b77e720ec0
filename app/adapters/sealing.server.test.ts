import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { rounds } from '../../tests/rounds'
import { createSealer, sealingKeyIdOf, UnsealError } from './sealing.server'

const place = { table: 'workshop_attendance', row: '7f0c', generation: 1 }
const secret = `sk-or-v1-${'ab'.repeat(32)}`

/** A small die of its own, so that a failure can be repeated. */
function rngOf(seed: number) {
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

const envelopes = rounds(10_000)

test(`of ${envelopes} flipped, swapped, cut and lengthened envelopes not one opens`, () => {
  const sealer = createSealer([randomBytes(32)])
  const seed = 20_261_121
  const rng = rngOf(seed)
  const other = sealer.seal(`sk-or-v1-${'cd'.repeat(32)}`, place).split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n'
  let accepted = 0
  for (let round = 0; round < envelopes; round++) {
    const envelope = sealer.seal(secret, place)
    const at = rng(envelope.length)
    const parts = envelope.split('.')
    const part = rng(parts.length)
    const bytes = Buffer.from(parts[3] ?? '', 'base64url')
    const bent = [
      () => envelope.slice(0, at) + alphabet[rng(alphabet.length)] + envelope.slice(at + 1),
      () => envelope.slice(0, at),
      () => envelope.slice(0, at) + envelope.slice(at + 1),
      () => envelope.slice(0, at) + alphabet[rng(alphabet.length)] + envelope.slice(at),
      () => parts.map((text, index) => (index === part ? other[index] : text)).join('.'),
      () => {
        bytes[rng(bytes.length)]! ^= 1 << rng(8)
        return [...parts.slice(0, 3), bytes.toString('base64url')].join('.')
      },
      // A tag of four bytes is what Node takes unless it is told otherwise.
      () =>
        [...parts.slice(0, 3), bytes.subarray(0, bytes.length - 12).toString('base64url')].join(
          '.',
        ),
    ][rng(7)]!()
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
  const error = (() => {
    try {
      return sealer.unseal(envelope, { ...place, row: 'x' })
    } catch (caught) {
      return caught
    }
  })()
  expect(String((error as Error).stack)).not.toContain(envelope)
  expect((error as Error).cause).toBeUndefined()
})

test(`of ${envelopes} vault envelopes that were flipped, cut, mixed, moved or put back not one opens`, () => {
  const keys = [randomBytes(32), randomBytes(32)]
  const sealer = createSealer(keys)
  const older = createSealer([keys[1]!])
  const seed = 20_261_122
  const rng = rngOf(seed)
  const at = { table: 'master_keys', row: '7f0c', generation: 3 }
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n'
  const mine = (place = at) => sealer.sealForVault(secret, place)
  const flip = (text: string) => {
    const bytes = Buffer.from(text, 'base64url')
    bytes[rng(bytes.length)]! ^= 1 << rng(8)
    return bytes.toString('base64url')
  }
  const withPart = (envelope: string, index: number, change: (part: string) => string) =>
    envelope
      .split('.')
      .map((part, place) => (place === index ? change(part) : part))
      .join('.')
  let [tried, accepted] = [0, 0]
  while (tried < envelopes) {
    const envelope = mine()
    const other = sealer.sealForVault(`sk-or-v1-${'cd'.repeat(32)}`, at)
    const spot = rng(envelope.length)
    const part = rng(6)
    const bent = [
      () => envelope.slice(0, spot) + alphabet[rng(alphabet.length)] + envelope.slice(spot + 1),
      () => envelope.slice(0, spot),
      () => envelope.slice(spot),
      () => envelope.slice(0, spot) + envelope.slice(spot + 1),
      () => envelope + alphabet[rng(alphabet.length)],
      () => withPart(envelope, 2 + rng(4), flip),
      // A tag of four bytes is what Node takes unless it is told otherwise.
      () =>
        withPart(envelope, 3 + 2 * rng(2), (text) =>
          Buffer.from(text, 'base64url').subarray(0, -12).toString('base64url'),
        ),
      // Parts of another envelope of the same row, the wrapped key and its secret apart.
      () => withPart(envelope, part, () => other.split('.')[part]!),
      () => [...envelope.split('.').slice(0, 4), ...other.split('.').slice(4)].join('.'),
      () =>
        [
          ...envelope.split('.').slice(0, 2),
          ...other.split('.').slice(2, 4),
          ...envelope.split('.').slice(4),
        ].join('.'),
      // Of other rows, tables and earlier generations, and of the other version.
      () => mine({ ...at, generation: rng(3) }),
      () => mine({ ...at, row: ['7f0d', '', 'master_keys', '7f0c '][rng(4)]! }),
      () => mine({ ...at, table: 'api_keys' }),
      () => sealer.seal(secret, { ...at, generation: 2 }),
      () => envelope.replace(/^v2/, 'v1'),
      () => sealer.seal(secret, at).replace(/^v1/, 'v2'),
      () => ['v1', ...envelope.split('.').slice(1, 4)].join('.'),
      // Sealed under one key of the ring and labelled as under another.
      () => withPart(envelope, 1, () => older.newestKeyId),
      () => withPart(older.sealForVault(secret, at), 1, () => sealer.newestKeyId),
      () => createSealer([randomBytes(32)]).sealForVault(secret, at),
    ][rng(20)]!()
    if (bent === envelope || bent === other) continue
    tried++
    if (opens(() => sealer.unseal(bent, at))) accepted++
  }
  expect(accepted, `seed ${seed}`).toBe(0)
  expect(sealer.unseal(mine(), at)).toBe(secret)
})

test('two vault envelopes of one secret share nothing but their version and key', () => {
  const sealer = createSealer([randomBytes(32)])
  const [one, two] = [
    sealer.sealForVault(secret, place).split('.'),
    sealer.sealForVault(secret, place).split('.'),
  ]
  expect(one.slice(0, 2)).toEqual(['v2', sealer.newestKeyId])
  expect(one.slice(2).filter((part) => two.includes(part))).toEqual([])
  expect(sealingKeyIdOf(one.join('.'))).toBe(sealer.newestKeyId)
  expect(sealingKeyIdOf('sk-or-v1-abc')).toBeNull()
})

test('a bound envelope opens with exactly what it was bound to, in any order', () => {
  const sealer = createSealer([randomBytes(32)])
  const bound = { service: 'litellm', baseUrl: 'https://proxy.example', team: 'a' }
  const at = { ...place, bound }
  const envelope = sealer.sealForVault(secret, at)
  expect(envelope).toMatch(/^v3\./)
  expect(
    sealer.unseal(envelope, {
      ...place,
      bound: Object.fromEntries(Object.entries(bound).reverse()),
    }),
  ).toBe(secret)
  const others: Record<string, string | null>[] = [
    { ...bound, baseUrl: 'https://proxy.example/' },
    { ...bound, baseUrl: null },
    { ...bound, service: 'openrouter' },
    { ...bound, more: '' },
    { service: 'litellm', team: 'a' },
    {},
  ]
  for (const other of others)
    expect(() => sealer.unseal(envelope, { ...place, bound: other })).toThrow(UnsealError)
  expect(() => sealer.unseal(envelope, place)).toThrow(UnsealError)
  expect(() => sealer.unseal(envelope.replace(/^v3/, 'v2'), place)).toThrow(UnsealError)
  expect(() => sealer.unseal(sealer.sealForVault(secret, place), at)).toThrow(UnsealError)
  expect(() => sealer.unseal(sealer.seal(secret, place), at)).toThrow(UnsealError)
})

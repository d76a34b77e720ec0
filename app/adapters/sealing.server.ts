/**
 * Sealing of secrets at rest: AES-256-GCM, full 16-byte tag, and the place of the secret (table,
 * row, generation) as additional data, so that an envelope moved to another row, or an older one
 * put back, does not open. Attendees' keys: `v1.<key id>.<iv>.<ciphertext and tag>`, under a key of
 * ENCRYPTION_KEY itself. The vault: `v3.<key id>.<iv>.<wrapped data key and tag>.<iv>.<ciphertext
 * and tag>`, under a random key of the envelope's own, which is wrapped by one of ENCRYPTION_KEY. It
 * is sealed together with what its row says beside it (`bound`), so that a changed address does not
 * open; v2 is the same without that, and was written before.
 * All parts base64url, and accepted only in the form that sealing writes.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

export type SealedPlace = {
  table: string
  row: string
  generation: number
  /** What else the row says, by name: where it was changed, nothing opens. Of the vault alone. */
  bound?: Record<string, string | null>
}

export type Sealer = {
  /** Seals under the newest key, as v1. */
  seal(secret: string, place: SealedPlace): string
  /** Seals for the vault: a data key of its own, wrapped by the newest key. v3 where it is bound, else v2. */
  sealForVault(secret: string, place: SealedPlace): string
  /**
   * Opens an envelope made for exactly this place: a bound one only as bound. Throws UnsealError on
   * anything else, without saying what.
   */
  unseal(envelope: string, place: SealedPlace): string
  newestKeyId: string
  /** Every key that can open an envelope, newest first. */
  keyIds: string[]
}

export class UnsealError extends Error {
  override name = 'UnsealError'
}

const ivBytes = 12
const tagBytes = 16
const dataKeyBytes = 32

/** `keys` are 32 bytes each, newest first; older ones only open. Throws without a key. */
export function createSealer(keys: Buffer[]): Sealer {
  const ring = new Map(
    keys.map((key) => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]),
  )
  const [newest] = ring
  if (!newest) throw new Error('createSealer needs at least one key')
  const [newestKeyId, newestKey] = newest

  return {
    newestKeyId,
    keyIds: [...ring.keys()],
    seal(secret, place) {
      return [
        'v1',
        newestKeyId,
        ...encrypt(newestKey, Buffer.from(secret, 'utf8'), aad('v1', newestKeyId, place)),
      ].join('.')
    },
    sealForVault(secret, place) {
      const version = place.bound ? 'v3' : 'v2'
      const dataKey = randomBytes(dataKeyBytes)
      const wrapped = encrypt(newestKey, dataKey, aad(`${version} key`, newestKeyId, place))
      const sealed = encrypt(
        dataKey,
        Buffer.from(secret, 'utf8'),
        aad(`${version} secret`, newestKeyId, place),
      )
      dataKey.fill(0)
      return [version, newestKeyId, ...wrapped, ...sealed].join('.')
    },
    unseal(envelope, place) {
      const [version, keyId = '', ...parts] = envelope.split('.')
      const key = ring.get(keyId)
      if (!key) throw new UnsealError('The sealed secret cannot be opened.')
      if (version === 'v1' && parts.length === 2 && !place.bound)
        return decrypt(key, parts, aad('v1', keyId, place)).toString('utf8')
      if (version !== (place.bound ? 'v3' : 'v2') || parts.length !== 4)
        throw new UnsealError('The sealed secret cannot be opened.')
      const dataKey = decrypt(key, parts.slice(0, 2), aad(`${version} key`, keyId, place))
      if (dataKey.length !== dataKeyBytes)
        throw new UnsealError('The sealed secret cannot be opened.')
      const secret = decrypt(
        dataKey,
        parts.slice(2),
        aad(`${version} secret`, keyId, place),
      ).toString('utf8')
      dataKey.fill(0)
      return secret
    },
  }
}

/** Which key of ENCRYPTION_KEY an envelope needs; null for what is not an envelope. */
export function sealingKeyIdOf(envelope: string): string | null {
  return /^v[123]\.([0-9a-f]{8})\./.exec(envelope)?.[1] ?? null
}

/**
 * The key's id is part of it: an envelope whose id was rewritten fails even under two keys that
 * were the same.
 */
function aad(purpose: string, keyId: string, place: SealedPlace): Buffer {
  const { table, row, generation, bound } = place
  const beside = bound
    ? [Object.entries(bound).sort(([one], [two]) => (one < two ? -1 : one > two ? 1 : 0))]
    : []
  return Buffer.from(JSON.stringify([purpose, keyId, table, row, generation, ...beside]))
}

function encrypt(key: Buffer, content: Buffer, additionalData: Buffer): [iv: string, body: string] {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
  cipher.setAAD(additionalData)
  const body = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()])
  return [iv.toString('base64url'), body.toString('base64url')]
}

function decrypt(
  key: Buffer,
  [ivText = '', bodyText = '']: string[],
  additionalData: Buffer,
): Buffer {
  const iv = Buffer.from(ivText, 'base64url')
  const body = Buffer.from(bodyText, 'base64url')
  if (iv.length !== ivBytes || body.length < tagBytes)
    throw new UnsealError('The sealed secret cannot be opened.')
  // base64url decoding ignores stray characters; an envelope is accepted only in the form that
  // sealing writes.
  if (iv.toString('base64url') !== ivText || body.toString('base64url') !== bodyText)
    throw new UnsealError('The sealed secret cannot be opened.')
  try {
    // Without authTagLength Node accepts tags as short as four bytes.
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
    decipher.setAAD(additionalData)
    decipher.setAuthTag(body.subarray(body.length - tagBytes))
    return Buffer.concat([
      decipher.update(body.subarray(0, body.length - tagBytes)),
      decipher.final(),
    ])
  } catch {
    throw new UnsealError('The sealed secret cannot be opened.')
  }
}

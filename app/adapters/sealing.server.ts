/**
 * Sealing of secrets at rest: AES-256-GCM, full 16-byte tag, and the place of the secret (table, row,
 * generation) as additional data, so that an envelope moved to another row does not open.
 * Envelope: `v1.<key id>.<iv>.<ciphertext and tag>`, base64url.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

export type SealedPlace = { table: string; row: string; generation: number }

export type Sealer = {
  /** Seals under the newest key. */
  seal(secret: string, place: SealedPlace): string
  /** Opens an envelope made for exactly this place. Throws UnsealError on anything else, without saying what. */
  unseal(envelope: string, place: SealedPlace): string
  newestKeyId: string
  /** All that open, newest first. */
  keyIds: string[]
}

export class UnsealError extends Error {
  override name = 'UnsealError'
}

const ivBytes = 12
const tagBytes = 16

/** `keys` are 32 bytes each, newest first; older ones only open. */
export function createSealer(keys: Buffer[]): Sealer {
  const ring = new Map(keys.map((key) => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]))
  const [newest] = ring
  if (!newest) throw new Error('createSealer needs at least one key')
  const [newestKeyId, newestKey] = newest

  const additionalData = (keyId: string, place: SealedPlace) =>
    Buffer.from(JSON.stringify(['v1', keyId, place.table, place.row, place.generation]))

  return {
    newestKeyId,
    keyIds: [...ring.keys()],
    seal(secret, place) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', newestKey, iv, { authTagLength: tagBytes })
      cipher.setAAD(additionalData(newestKeyId, place))
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return ['v1', newestKeyId, iv.toString('base64url'), body.toString('base64url')].join('.')
    },
    unseal(envelope, place) {
      const parts = envelope.split('.')
      const [version, keyId = '', ivText = '', bodyText = ''] = parts
      const key = ring.get(keyId)
      const iv = Buffer.from(ivText, 'base64url')
      const body = Buffer.from(bodyText, 'base64url')
      if (parts.length !== 4 || version !== 'v1' || !key || iv.length !== ivBytes || body.length < tagBytes) {
        throw new UnsealError('The sealed secret cannot be opened.')
      }
      // base64url decoding forgives stray characters; an envelope is accepted only in the one form that seal writes.
      if (iv.toString('base64url') !== ivText || body.toString('base64url') !== bodyText) throw new UnsealError('The sealed secret cannot be opened.')
      try {
        // Without authTagLength Node accepts tags as short as four bytes.
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
        decipher.setAAD(additionalData(keyId, place))
        decipher.setAuthTag(body.subarray(body.length - tagBytes))
        return Buffer.concat([decipher.update(body.subarray(0, body.length - tagBytes)), decipher.final()]).toString('utf8')
      } catch {
        throw new UnsealError('The sealed secret cannot be opened.')
      }
    },
  }
}

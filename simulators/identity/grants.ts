/** Authorization codes and what each is bound to, and the comparing of secrets. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Client } from './answers'

/**
 * What the real provider binds to each code: one use, ten minutes, this client, this redirect, this
 * challenge.
 */
export type Grant = {
  login: string
  clientId: string
  redirectUri: string
  scopes: string[]
  challenge: string | undefined
  expires: number
}

export class Grants {
  #codes = new Map<string, Grant>()

  remember(code: string, grant: Omit<Grant, 'expires'>): void {
    for (const [old, { expires }] of this.#codes) if (expires < Date.now()) this.#codes.delete(old)
    this.#codes.set(code, { ...grant, expires: Date.now() + 10 * 60_000 })
  }

  /** The code is used up by this, whatever the outcome. */
  take(code: string): Grant | undefined {
    const grant = this.#codes.get(code)
    this.#codes.delete(code)
    return grant && grant.expires > Date.now() ? grant : undefined
  }
}

export function matchesChallenge(challenge: string, verifier: string): boolean {
  return equal(createHash('sha256').update(verifier).digest('base64url'), challenge)
}

function equal(given: string, expected: string): boolean {
  const a = createHash('sha256').update(given).digest()
  const b = createHash('sha256').update(expected).digest()
  return timingSafeEqual(a, b)
}

/** Whether this secret counts for the client: a provider takes a second one until the first is deleted. */
export const isSecretOf = (client: Client, secret: string): boolean =>
  [...(client.secrets ?? [client.clientSecret])].some((known) => equal(secret, known))

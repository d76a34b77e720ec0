/** Whose request it is, as the proxy in front says. */
import { isIP } from 'node:net'
import type { Request } from 'express'
import type { Env } from './env.server'

/**
 * The client's address, for the limits per address. Only a header that the proxy overwrites can be
 * trusted; without one it is the last address of X-Forwarded-For, which the nearest proxy adds
 * (decision 014).
 */
export function clientAddress(env: Pick<Env, 'CLIENT_IP_HEADER'>, request: Request): string | null {
  const named = env.CLIENT_IP_HEADER ? request.get(env.CLIENT_IP_HEADER)?.trim() : undefined
  const address = named || request.ip || ''
  return isIP(address.split('%')[0] ?? '') === 0 ? null : address
}

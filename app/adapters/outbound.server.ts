/**
 * Requests to addresses that people type in. Guarantee: nothing is sent to a private, loopback or
 * otherwise special address unless that is allowed, and only https goes to a public one. The address
 * is checked when the connection is made, after the name was resolved, so that a later DNS answer
 * cannot get around it. Redirects are not followed.
 */
import { lookup, type LookupAddress } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'

export type OutboundRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: URL
  headers: Record<string, string>
  body?: string
  timeoutMs: number
}
export type OutboundAnswer = { status: number; headers: Headers; text: string }

/** `not-plain` has a name, a password, a query or a fragment in it. */
export type AddressRefusal = 'not-an-address' | 'not-https' | 'not-plain' | 'private-address'

export type Outbound = {
  /** Why requests to this base address are never made; null when they are. */
  refusalOf(baseUrl: string): AddressRefusal | null
  /**
   * One request, within `timeoutMs`, for any status. Throws an OutboundError for anything but a
   * whole answer of at most 8 MiB.
   */
  send(request: OutboundRequest): Promise<OutboundAnswer>
}

/** `sent` is false only when it is certain that not a byte of the request has left. */
export class OutboundError extends Error {
  override name = 'OutboundError'
  readonly sent: boolean
  readonly reason: 'timeout' | 'connection-lost' | 'unreachable' | 'address-refused' | 'too-long'
  constructor(reason: OutboundError['reason'], sent: boolean) {
    super(`an outbound request failed: ${reason}`)
    this.reason = reason
    this.sent = sent
  }
}

class AddressRefused extends Error {}

const maxBytes = 8 * 1024 * 1024

const special = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  special.addSubnet(network, prefix, 'ipv6')
}

/**
 * Whether the address is one that the public internet does not route. An IPv4 address written as
 * IPv6 counts as what it is.
 */
export function isSpecialAddress(address: string): boolean {
  const family = isIP(address)
  return family === 0 || special.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * `allowPrivate` also permits private addresses, over http too. A public address always needs
 * https.
 */
export function createOutbound({ allowPrivate }: { allowPrivate: boolean }): Outbound {
  const mayConnect = (address: string, secure: boolean) =>
    isSpecialAddress(address) ? allowPrivate : secure
  /** Own agents: a pooled connection of other code was not checked. */
  const agents = {
    'https:': new https.Agent({ keepAlive: true }),
    'http:': new http.Agent({ keepAlive: true }),
  }

  const checkedLookup =
    (secure: boolean): LookupFunction =>
    (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
        if (error) return callback(error, '', 0)
        const [first] = addresses
        if (!first || !addresses.every(({ address }) => mayConnect(address, secure)))
          return callback(new AddressRefused(), '', 0)
        if (options.all) callback(null, addresses)
        else callback(null, first.address, first.family)
      })
    }

  return {
    refusalOf(baseUrl) {
      if (!URL.canParse(baseUrl)) return 'not-an-address'
      const { protocol, hostname, username, password, search, hash } = new URL(baseUrl)
      if (protocol !== 'https:' && protocol !== 'http:') return 'not-https'
      if (username || password || search || hash) return 'not-plain'
      const host = hostname.replace(/^\[|\]$/g, '')
      if (protocol === 'http:' && !allowPrivate) return 'not-https'
      if (isIP(host) && !mayConnect(host, protocol === 'https:'))
        return isSpecialAddress(host) ? 'private-address' : 'not-https'
      return null
    },

    send({ method, url, headers, body, timeoutMs }) {
      const secure = url.protocol === 'https:'
      const host = url.hostname.replace(/^\[|\]$/g, '')
      // A literal address is never looked up.
      if (isIP(host) && !mayConnect(host, secure))
        return Promise.reject(new OutboundError('address-refused', false))
      return new Promise<OutboundAnswer>((resolve, reject) => {
        const progress = { sent: false, timedOut: false }
        const fail = (error: unknown) => {
          if (error instanceof OutboundError) return reject(error)
          if (error instanceof AddressRefused)
            return reject(new OutboundError('address-refused', false))
          if (!progress.sent) return reject(new OutboundError('unreachable', false))
          reject(new OutboundError(progress.timedOut ? 'timeout' : 'connection-lost', true))
        }
        const request = (secure ? https : http).request(
          url,
          {
            method,
            agent: agents[secure ? 'https:' : 'http:'],
            lookup: checkedLookup(secure),
            headers: {
              accept: 'application/json',
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
              ...headers,
              ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
            },
          },
          (response) => {
            const chunks: Buffer[] = []
            let size = 0
            response.on('data', (chunk: Buffer) => {
              chunks.push(chunk)
              size += chunk.length
              if (size > maxBytes) request.destroy(new OutboundError('too-long', true))
            })
            response.once('error', fail)
            response.once('end', () => {
              if (!response.complete) return fail(new Error('the answer broke off'))
              const given = Object.entries(response.headers).flatMap(([name, value]) =>
                typeof value === 'string' ? [[name, value] as [string, string]] : [],
              )
              resolve({
                status: response.statusCode ?? 0,
                headers: new Headers(given),
                text: Buffer.concat(chunks).toString('utf8'),
              })
            })
          },
        )
        const timer = setTimeout(() => {
          progress.timedOut = true
          request.destroy(new Error('too late'))
        }, timeoutMs)
        request.once('socket', (socket) => {
          if (!socket.connecting) progress.sent = true
          else socket.once(secure ? 'secureConnect' : 'connect', () => void (progress.sent = true))
        })
        request.once('error', fail)
        request.once('close', () => clearTimeout(timer))
        request.end(body)
      })
    },
  }
}

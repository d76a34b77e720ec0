/**
 * Requests to addresses that people type in. Guarantee: nothing is sent to a private, loopback or
 * otherwise special address unless its network is listed, nor to Keymint itself, its database or a
 * link-local address at all, and only https goes to a public one. The address is checked when the
 * connection is made, after the name was resolved, so that a later DNS answer cannot get around it.
 * Redirects are not followed.
 */
import { lookup, type LookupAddress } from 'node:dns'
import { lookup as lookupAll } from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { isLoopbackAddress, isNeverCalled, listOf, specialNetworks, type Network } from '~/networks'

export type OutboundRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: URL
  headers: Record<string, string>
  body?: string
  timeoutMs: number
  /** What the answer may have at most; 256 KiB unless said. */
  maxBytes?: number
}
export type OutboundAnswer = { status: number; headers: Headers; text: string }

/** `not-plain` has a name, a password, a query or a fragment in it. */
export type AddressRefusal = 'not-an-address' | 'not-https' | 'not-plain' | 'private-address'

export type Outbound = {
  /** Why requests to this base address are never made; null when they are. */
  refusalOf(baseUrl: string): AddressRefusal | null
  /**
   * One request, within `timeoutMs`, for any status. Throws an OutboundError for anything but a
   * whole answer within `maxBytes`.
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

const usualMaxBytes = 256 * 1024

const isSpecial = listOf(specialNetworks)

const portOf = ({ port, protocol }: URL) => Number(port) || (protocol === 'https:' ? 443 : 80)

/** Of this machine. */
const isOwnAddress = (address: string): boolean =>
  isLoopbackAddress(address) ||
  Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address))

/** All addresses of a host; null where they cannot be found out. */
async function addressesOf(host: string): Promise<string[] | null> {
  if (isIP(host)) return [host]
  try {
    return (await lookupAll(host, { all: true })).map(({ address }) => address)
  } catch {
    return null
  }
}

/**
 * Whether the address is one that the public internet does not route. An IPv4 address written as
 * IPv6 counts as what it is.
 */
export function isSpecialAddress(address: string): boolean {
  return isIP(address) === 0 || isSpecial(address)
}

export type OutboundRules = {
  /** Private networks that may be called, over http too; none is the default of a deployment. */
  networks: readonly Network[]
  /** Ports of Keymint's own, on whichever of its machines: not called at any private address. */
  ownPorts?: readonly number[]
  /** Its databases: not called, whatever name or address leads there. */
  databases?: readonly { host: string; port: number }[]
}

/**
 * Private addresses are called where `networks` lists them, a public one always needs https.
 * Link-local and metadata addresses, Keymint's own ports and its databases are never called.
 */
export function createOutbound(rules: OutboundRules): Outbound {
  const isListed = listOf(rules.networks)
  const ownPorts = new Set(rules.ownPorts)
  const mayConnect = (address: string, port: number, secure: boolean) => {
    if (isNeverCalled(address)) return false
    return isSpecialAddress(address) ? isListed(address) && !ownPorts.has(port) : secure
  }
  /** Asked at every connection: the database's name may lead elsewhere by then. */
  const isDatabase = async (addresses: string[], port: number): Promise<boolean> => {
    for (const database of rules.databases ?? []) {
      if (database.port !== port) continue
      const theirs = await addressesOf(database.host)
      // Where it is cannot be told: then nothing at its port is called.
      if (theirs === null) return true
      const here = theirs.some(isOwnAddress)
      if (addresses.some((one) => theirs.includes(one) || (here && isOwnAddress(one)))) return true
    }
    return false
  }
  /** Own agents: a pooled connection of other code was not checked. */
  const agents = {
    'https:': new https.Agent({ keepAlive: true }),
    'http:': new http.Agent({ keepAlive: true }),
  }

  const checkedLookup =
    (port: number, secure: boolean): LookupFunction =>
    (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
        if (error) return callback(error, '', 0)
        const [first] = addresses
        if (!first || !addresses.every(({ address }) => mayConnect(address, port, secure)))
          return callback(new AddressRefused(), '', 0)
        const plain = addresses.map(({ address }) => address)
        isDatabase(plain, port).then(
          (refused) => {
            if (refused) callback(new AddressRefused(), '', 0)
            else if (options.all) callback(null, addresses)
            else callback(null, first.address, first.family)
          },
          (failure: Error) => callback(failure, '', 0),
        )
      })
    }

  return {
    refusalOf(baseUrl) {
      if (!URL.canParse(baseUrl)) return 'not-an-address'
      const url = new URL(baseUrl)
      const { protocol, hostname, username, password, search, hash } = url
      if (protocol !== 'https:' && protocol !== 'http:') return 'not-https'
      if (username || password || search || hash) return 'not-plain'
      const host = hostname.replace(/^\[|\]$/g, '')
      if (protocol === 'http:' && rules.networks.length === 0) return 'not-https'
      if (isIP(host) && !mayConnect(host, portOf(url), protocol === 'https:'))
        return isSpecialAddress(host) ? 'private-address' : 'not-https'
      return null
    },

    async send({ method, url, headers, body, timeoutMs, maxBytes = usualMaxBytes }) {
      const secure = url.protocol === 'https:'
      const host = url.hostname.replace(/^\[|\]$/g, '')
      const port = portOf(url)
      // A literal address is never looked up.
      if (isIP(host) && (!mayConnect(host, port, secure) || (await isDatabase([host], port))))
        throw new OutboundError('address-refused', false)
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
            lookup: checkedLookup(port, secure),
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

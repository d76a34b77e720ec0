/** Networks in CIDR, and which addresses are never called whatever a deployment allows. */
import { BlockList, isIP } from 'node:net'

export type Network = { address: string; prefix: number; family: 'ipv4' | 'ipv6' }

/** "10.0.0.0/8" or "fd00::/8"; null for anything else. */
export function parseNetwork(text: string): Network | null {
  const [, address = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text) ?? []
  const family = isIP(address)
  const prefix = Number(bits)
  if (family === 0 || bits === '' || prefix > (family === 6 ? 128 : 32)) return null
  return { address, prefix, family: family === 6 ? 'ipv6' : 'ipv4' }
}

/** Addresses in any of these networks. An IPv4 address written as IPv6 counts as what it is. */
export function listOf(networks: Iterable<Network>): (address: string) => boolean {
  const list = new BlockList()
  for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family)
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

const given = (texts: string[]): Network[] =>
  texts.map((text) => {
    const network = parseNetwork(text)
    if (!network) throw new Error(`${text} is not a network`)
    return network
  })

/** What the public internet does not route. */
export const specialNetworks = given([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])

/**
 * Link-local addresses, the metadata services of clouds, addresses of nobody or of many, and IPv6
 * that carries an IPv4 address on to wherever that leads.
 */
const neverCalled = listOf(
  given([
    '0.0.0.0/8',
    '169.254.0.0/16',
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '2002::/16',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
    'fd00:ec2::254/128',
    'fd20:ce::254/128',
  ]),
)
const embedsIpv4 = listOf(given(['::/96']))
const loopback = listOf(given(['127.0.0.0/8', '::1/128']))

export const isLoopbackAddress = loopback

/** Whether the address is never called, also where a network that holds it is allowed. */
export const isNeverCalled = (address: string): boolean =>
  neverCalled(address) || (embedsIpv4(address) && !loopback(address))

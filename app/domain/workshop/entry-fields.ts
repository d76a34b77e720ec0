/** Fields of a workshop file that say who may come in: domains of addresses, and the roster. */
import type { Roster } from '../workshop-file'
import { asciiDomain } from '../ascii-domain'
import { asciiLowerCase } from '../ascii'
import { isEmail, type Fields } from './fields'
import { quoted } from './problem'
import type { TextNode } from './yaml-source'

export const DOMAINS_EXAMPLE = '[example.org, "*.example.org"]'

/** A domain as normalised addresses have it; `*.` before it stands for its subdomains alone. */
export function readAllowedDomain(fields: Fields, node: TextNode, name: string): string | null {
  const text = node.text.trim()
  const refuse = (message: string, remedy: string): null => {
    fields.itemProblem(name, message, remedy, node.at)
    return null
  }
  if (isEmail(text))
    return refuse(
      'is an address, and not a domain',
      'write what follows the @; single people belong into roster',
    )
  if (/^(https?:)?\/\//i.test(text))
    return refuse(
      `is a web address: ${quoted(text)}`,
      'write the domain alone, such as example.org',
    )
  if (text.startsWith('@'))
    return refuse(`begins with an @: ${quoted(text)}`, `write ${text.slice(1)}`)
  const star = text.startsWith('*.')
  if (text.startsWith('.'))
    return refuse(
      `begins with a dot: ${quoted(text)}`,
      `write "*${text}" for its subdomains, and ${text.slice(1)} for itself`,
    )
  const domain = asciiDomain(star ? text.slice(2) : text)
  if (domain === null || !domain.includes('.') || domain.length > 253)
    return refuse(
      `is not a domain: ${quoted(text)}`,
      `write a list such as ${DOMAINS_EXAMPLE}; a star stands at the beginning alone`,
    )
  // Addresses of the two are one mailbox, and are stored under the first.
  const known = domain === 'googlemail.com' ? 'gmail.com' : domain
  return star ? `*.${known}` : known
}

const ROSTER_EXAMPLE = '[octocat, hubot]'

/** What `npm run roster:hash` writes: version, id of its key, and 128 bits. */
const rosterHash = /^r1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{22}$/
/** GitHub's names: letters, digits and hyphens; `_name` at the end of a managed account. */
const login = /^(?=.{1,39}$)[a-z0-9][a-z0-9-]*(?:_[a-z0-9]+)?$/

export type RosterEntry =
  | { kind: 'login'; login: string }
  | { kind: 'hash'; hash: string }
  | { kind: 'address'; address: string }

/** Null for what is none of the three. */
export function rosterEntryOf(text: string): RosterEntry | null {
  if (rosterHash.test(text)) return { kind: 'hash', hash: text }
  if (text.includes('@') && !/\s/.test(text) && !text.startsWith('@'))
    return { kind: 'address', address: text }
  const lower = asciiLowerCase(text)
  return login.test(lower) ? { kind: 'login', login: lower } : null
}

type RosterFields = { roster: Roster | null; rosterFile: string | null }

/** A list of logins and hashes, or `file:` with a path. */
export function readRoster(fields: Fields): RosterFields {
  const none = { roster: null, rosterFile: null }
  const detail = fields.child('roster')
  if (detail !== null) {
    detail.refuseUnknown(['file'])
    const path = detail.line('file', 500)
    if (path === null) {
      if (!detail.has('file'))
        detail.problem('file', 'is missing', 'write `file: /etc/keymint/roster.txt`')
      return none
    }
    if (!path.startsWith('/') || path.split('/').includes('..')) {
      detail.problem(
        'file',
        `is not a full path: ${quoted(path)}`,
        'write where the file is on the machine that runs Keymint: /etc/keymint/roster.txt',
      )
      return none
    }
    return { roster: { logins: new Set(), hashes: new Set() }, rosterFile: path }
  }
  if (!fields.has('roster')) return none
  const entries = fields.list('roster', { max: 1_000, example: ROSTER_EXAMPLE }, (node, name) =>
    readRosterEntry(fields, node, name),
  )
  if (entries === null) return none
  const hashes = entries.filter((entry) => rosterHash.test(entry))
  return {
    roster: {
      logins: new Set(entries.filter((entry) => !rosterHash.test(entry))),
      hashes: new Set(hashes),
    },
    rosterFile: null,
  }
}

/** No problem quotes an address: what is noted is logged. */
function readRosterEntry(fields: Fields, node: TextNode, name: string): string | null {
  const text = node.text.trim()
  const entry = rosterEntryOf(text)
  if (entry?.kind === 'login') return entry.login
  if (entry?.kind === 'hash') return entry.hash
  const [message, remedy] =
    entry?.kind === 'address'
      ? [
          'is a plain address, and this file is in a repository',
          'run `npm run roster:hash` and write what it prints, or use `roster: {file: …}`',
        ]
      : text.startsWith('@')
        ? ['begins with an @', 'write the login without it']
        : text.startsWith('r1.')
          ? ['is not a whole hash of an address', 'copy the line of `npm run roster:hash` again']
          : [
              `is neither a GitHub login nor a hash of an address: ${quoted(text)}`,
              `write a list such as ${ROSTER_EXAMPLE}`,
            ]
  fields.itemProblem(name, message ?? '', remedy ?? '', node.at)
  return null
}

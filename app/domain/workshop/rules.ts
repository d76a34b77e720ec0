/**
 * Rules between the fields of a workshop file, and what is right but perhaps not meant. Each is
 * checked only when the fields it compares could be read.
 */
import { formatUsd } from '~/money'
import { maxCommittedIn } from '../money/committed'
import type { Problem, Workshop, WorkshopKind } from '../workshop-file'
import type { FieldName } from './field-names'
import type { Fields } from './fields'
import { keysThatFit } from './worst-case'

type FieldsRead = Pick<
  Workshop,
  'acknowledgedTerms' | 'claimsOpenAt' | 'claimsCloseAt' | 'keyExpiresAt' | 'poolLimit'
> & { providers: Workshop['providers'] | null; keyLimit: Workshop['keyLimit'] | null }

/** Notes that a field is missing, unless something about it has been noted already. */
export type Needs = (name: FieldName, remedy: string) => void

export function checkKind(
  kind: WorkshopKind | null,
  fields: Fields,
  needs: Needs,
  { providers, acknowledgedTerms }: Pick<FieldsRead, 'providers' | 'acknowledgedTerms'>,
): void {
  if (kind === 'giveaway') {
    if (fields.has('room_code'))
      fields.problem(
        'room_code',
        'is only for workshops: nobody can show a code to people who are elsewhere',
        'remove the line',
      )
    needs('max_keys', 'add how many keys there are, such as `max_keys: 500`')
    needs('providers', 'add `providers: [github]`')
    if (providers !== null && (providers.length !== 1 || providers[0] !== 'github'))
      fields.problem('providers', 'must be exactly github for a giveaway', 'write [github]')
    if (!acknowledgedTerms && !fields.hasProblem('acknowledged_terms')) {
      fields.problem(
        'acknowledged_terms',
        'must be true for a giveaway',
        "write `acknowledged_terms: true` once you have read the provider's terms on handing out keys",
      )
    }
  } else if (kind === 'workshop') {
    needs(
      'claims_open_at',
      'add when claims open, such as `claims_open_at: 2026-04-14T08:30:00+02:00`',
    )
    needs(
      'claims_close_at',
      'add when claims close, such as `claims_close_at: 2026-04-14T18:00:00+02:00`',
    )
    needs('limit_usd', 'add the pool of the whole workshop, such as `limit_usd: 300`')
    needs('providers', 'add who one may sign in with: `providers: [github, google]`')
    for (const name of ['cooldown', 'repository_url']) {
      if (fields.has(name)) fields.problem(name, 'is only for giveaways', 'remove the line')
    }
    if (fields.has('min_account_age') && providers?.some((provider) => provider !== 'github'))
      fields.problem(
        'min_account_age',
        'needs GitHub: other providers do not say how old an account is',
        'write `providers: [github]`, or remove the line',
      )
  }
}

export function checkTimes(
  fields: Fields,
  {
    claimsOpenAt,
    claimsCloseAt,
    keyExpiresAt,
  }: Pick<FieldsRead, 'claimsOpenAt' | 'claimsCloseAt' | 'keyExpiresAt'>,
): void {
  const isWindowRight =
    claimsOpenAt === null || claimsCloseAt === null || claimsOpenAt < claimsCloseAt
  if (!isWindowRight)
    fields.problem(
      'claims_close_at',
      'is not after claims_open_at',
      'swap the two, or correct the date',
    )
  if (keyExpiresAt !== null && claimsOpenAt !== null && keyExpiresAt <= claimsOpenAt) {
    fields.problem(
      'key_expires_at',
      'is not after claims_open_at',
      'write a time after claims have closed',
    )
  } else if (
    keyExpiresAt !== null &&
    claimsCloseAt !== null &&
    isWindowRight &&
    keyExpiresAt <= claimsCloseAt
  ) {
    fields.problem(
      'key_expires_at',
      'is not after claims_close_at: a late claim would get a dead key',
      'write a time after claims have closed',
    )
  }
}

export function checkCap(
  fields: Fields,
  { poolLimit, keyLimit }: Pick<FieldsRead, 'poolLimit' | 'keyLimit'>,
): void {
  if (poolLimit !== null && keyLimit !== null && keyLimit > poolLimit)
    fields.problem(
      'key_limit_usd',
      'is more than limit_usd, so not one key fits',
      'lower key_limit_usd or raise limit_usd',
    )
}

/** Keys that are made ahead need an end that does not depend on when they are claimed. */
export function checkPremint(
  fields: Fields,
  {
    premint,
    maxKeys,
    needsEnd,
  }: Pick<Workshop, 'premint' | 'maxKeys'> & {
    /** The file means a fixed end, under a name that is reported already. */
    needsEnd: boolean
  },
): void {
  if (!fields.has('premint')) return
  if (!fields.has('key_expires_at') && !needsEnd)
    fields.problem(
      'premint',
      'needs key_expires_at: the end of a key cannot be changed once it is made',
      fields.has('key_expires_in')
        ? 'write key_expires_at in place of key_expires_in, or remove premint'
        : 'add when keys end, such as `key_expires_at: 2026-04-15T00:00:00Z`, or remove premint',
    )
  if (premint !== null && maxKeys !== null && premint > maxKeys)
    fields.problem(
      'premint',
      `is ${premint}, but max_keys allows ${maxKeys} keys in all`,
      'lower premint or raise max_keys',
    )
}

export function checkRelease(fields: Fields, { waitlist }: Pick<Workshop, 'waitlist'>): void {
  if (fields.has('release_unused_after') && !waitlist && !fields.hasProblem('waitlist'))
    fields.problem(
      'release_unused_after',
      'needs a waitlist: without one nobody else would get the seat',
      'add `waitlist: true`, or remove the line',
    )
}

/**
 * The cap starts afresh with each window until the key ends, and the pool must be able to pay for
 * one key at least.
 */
export function checkSeats(workshop: Workshop, fields: Fields): void {
  const { poolLimit } = workshop
  if (poolLimit === null) return
  const lifetimeMs = workshop.keyExpiresInMs
  const perKey =
    lifetimeMs === null
      ? workshop.claimsOpenAt !== null && keysThatFit(workshop, workshop.claimsOpenAt) === 0
        ? null
        : workshop.keyLimit
      : maxCommittedIn({ keyLimit: workshop.keyLimit, reset: workshop.keyLimitReset, lifetimeMs })
  if (perKey !== null && perKey <= poolLimit) return
  const cap = formatUsd(workshop.keyLimit, { exact: true })
  fields.problem(
    'limit_usd',
    `is less than one key may spend until it ends (${cap} ${workshop.keyLimitReset ?? 'once'})`,
    'raise limit_usd, lower key_limit_usd, or let keys end sooner',
  )
}

const publicMail = new Set([
  'gmail.com',
  'gmx.de',
  'gmx.net',
  'hotmail.com',
  'icloud.com',
  'outlook.com',
  'proton.me',
  'protonmail.com',
  'web.de',
  'yahoo.com',
])

export function addWarnings(
  workshop: Workshop,
  fields: Fields,
  warnings: Problem[],
  timezone: string | null,
): void {
  const warn = (name: string, message: string, remedy: string): void =>
    void warnings.push(fields.describe(name, message, remedy))
  if (timezone === null && workshop.claimsOpenAt !== null)
    warn(
      'timezone',
      'is missing, so the page shows times in UTC',
      'add a line such as `timezone: Europe/Berlin`',
    )
  for (const name of timezone === null
    ? []
    : ['claims_open_at', 'claims_close_at', 'key_expires_at']) {
    const mismatch = fields.offsetMismatch(name, workshop.timezone)
    if (mismatch !== null)
      warn(
        name,
        `is written with ${mismatch.written}, but ${workshop.timezone} is at ${mismatch.expected} then`,
        `check the hour, or write ${mismatch.expected}`,
      )
  }
  if (
    workshop.organizer === null ||
    (workshop.organizer.email === null && workshop.organizer.url === null)
  ) {
    warn(
      'organizer',
      'does not say how to be reached',
      'write a name with an email or url: `organizer: PyCon DE <workshops@example.org>`',
    )
  }
  const everybodys = workshop.allowedDomains.filter((domain) => publicMail.has(domain))
  if (everybodys.length > 0)
    warn(
      'allowed_domains',
      `has ${everybodys.join(', ')}, where anybody can have an address`,
      'write the domain of your organisation, or remove the line',
    )
  if (workshop.kind === 'giveaway' && workshop.keyLimitReset === null) {
    warn(
      'key_limit_reset',
      'is missing, so each key has one cap for its whole life',
      'write `key_limit_reset: daily` for a cap that starts afresh at midnight UTC',
    )
  }
  if (workshop.maxKeys !== null && workshop.claimsOpenAt !== null) {
    const fit = keysThatFit(workshop, workshop.claimsOpenAt)
    if (fit < workshop.maxKeys)
      warn(
        'max_keys',
        `is ${workshop.maxKeys}, but limit_usd pays for ${fit} keys`,
        'raise limit_usd or lower max_keys',
      )
  }
  if (workshop.premint !== null && workshop.claimsOpenAt !== null) {
    const fit = keysThatFit({ ...workshop, maxKeys: null }, workshop.claimsOpenAt)
    if (fit < workshop.premint)
      warn(
        'premint',
        `is ${workshop.premint}, but limit_usd pays for ${fit} keys`,
        'raise limit_usd or lower premint',
      )
  }
}

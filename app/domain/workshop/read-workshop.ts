/** The fields of a workshop file, which of them a kind needs, and the workshop that they make. */
import {
  toolIds,
  type KeyLimitReset,
  type Problem,
  type Workshop,
  type WorkshopKind,
  type WorkshopProvider,
} from '../workshop-file'
import { KNOWN, OTHER_NAMES } from './field-names'
import type { Fields } from './fields'
import {
  MODELS_EXAMPLE,
  ORGANIZERS_EXAMPLE,
  readModelId,
  readOptIn,
  readOrganizer,
  readOrganizerEntry,
  readPauseOnRunaway,
} from './own-fields'
import { DOMAINS_EXAMPLE, readAllowedDomain, readRoster } from './entry-fields'
import {
  addWarnings,
  checkCap,
  checkKind,
  checkPremint,
  checkRelease,
  checkSeats,
  checkTimes,
  type Needs,
} from './rules'

const KINDS: readonly WorkshopKind[] = ['workshop', 'giveaway']
const RESETS: readonly KeyLimitReset[] = ['daily', 'weekly', 'monthly']
const PROVIDERS: readonly WorkshopProvider[] = ['github', 'google']

/** Reads every field, then checks them together. Null when anything is wrong. */
export function readWorkshop(
  slug: string,
  fields: Fields,
  problems: Problem[],
  warnings: Problem[],
): Workshop | null {
  const meant = fields.refuseUnknown(KNOWN, OTHER_NAMES)
  const kind = fields.has('kind') ? fields.oneOf('kind', KINDS) : 'workshop'
  const timezone = fields.timezone('timezone')
  const keyLimitReset = fields.oneOf('key_limit_reset', RESETS)
  const title = fields.line('title', 120)
  const claimsOpenAt = fields.moment('claims_open_at', timezone)
  const claimsCloseAt = fields.moment('claims_close_at', timezone)
  const allowedModels = fields.list(
    'allowed_models',
    { max: 50, example: MODELS_EXAMPLE },
    (node, name) => readModelId(fields, node, name),
  )
  const poolLimit = fields.money('limit_usd')
  const keyLimit = fields.money('key_limit_usd')
  const keyExpiresAt = fields.moment('key_expires_at', timezone)
  const keyExpiresInMs = fields.duration('key_expires_in', 366)
  const providers = fields.list(
    'providers',
    { max: 2, example: '[github, google]' },
    (node, name) => fields.choice(name, node, PROVIDERS),
  )
  const maxKeys = fields.count('max_keys', 100_000)
  const premint = fields.count('premint', 1_000)
  const marketingOptIn = readOptIn(fields)
  const details = {
    description: fields.text('description', 2000),
    venue: fields.line('venue', 200),
    organizer: readOrganizer(fields),
    organizers:
      fields.list('organizers', { max: 20, example: ORGANIZERS_EXAMPLE }, (node, name) =>
        readOrganizerEntry(fields, node, name),
      ) ?? [],
    docsUrl: fields.webAddress('docs_url'),
    acknowledgedTerms: fields.yes('acknowledged_terms') ?? false,
  }
  const minAccountAgeMs = fields.duration('min_account_age', 3660)
  const allowedDomains = fields.has('allowed_domains')
    ? fields.list('allowed_domains', { max: 50, example: DOMAINS_EXAMPLE }, (node, name) =>
        readAllowedDomain(fields, node, name),
      )
    : []
  const listed = fields.yes('listed') ?? true
  const roomCode = fields.oneOf('room_code', ['rotating'])
  const roster = readRoster(fields)
  const cooldownMs = fields.duration('cooldown', 3660)
  const tools = fields.has('tools')
    ? fields.list('tools', { max: 3, example: '[claude-code, python, curl]' }, (node, name) =>
        fields.choice(name, node, toolIds),
      )
    : []
  const repositoryUrl = fields.webAddress('repository_url')
  const day = {
    askForMore: fields.yes('ask_for_more') ?? false,
    announceProblems: fields.yes('announce_problems') ?? false,
    wallShowsSpending: fields.yes('wall_shows_spending') ?? false,
    waitlist: fields.yes('waitlist') ?? false,
    releaseUnusedAfterMs: fields.wait('release_unused_after', { minMinutes: 30, maxHours: 72 }),
    pauseOnRunawayMinutes: readPauseOnRunaway(fields),
  }

  const needs: Needs = (name, remedy) => {
    if (
      !fields.has(name) &&
      !meant.has(name) &&
      !(name === 'allowed_models' && fields.has('models')) &&
      !fields.hasProblem(name)
    )
      fields.problem(name, 'is missing', remedy)
  }
  needs('title', 'add a line such as `title: Build an analytics agent`')
  needs('allowed_models', `add a line such as \`allowed_models: ${MODELS_EXAMPLE}\``)
  needs('key_limit_usd', 'add the cap of each key, such as `key_limit_usd: 2`')
  if (fields.has('key_expires_at') && fields.has('key_expires_in'))
    fields.problem(
      'key_expires_in',
      'is given beside key_expires_at',
      'keep exactly one of the two',
    )
  if (!fields.has('key_expires_in') && !meant.has('key_expires_in'))
    needs(
      'key_expires_at',
      'say when keys end: `key_expires_at: 2026-04-15T00:00:00Z` or `key_expires_in: 7d`',
    )

  checkKind(kind, fields, needs, { providers, acknowledgedTerms: details.acknowledgedTerms })
  checkTimes(fields, { claimsOpenAt, claimsCloseAt, keyExpiresAt })
  checkCap(fields, { poolLimit, keyLimit })
  checkPremint(fields, { premint, maxKeys, needsEnd: meant.has('key_expires_at') })
  checkRelease(fields, day)

  if (
    kind === null ||
    title === null ||
    allowedModels === null ||
    keyLimit === null ||
    providers === null ||
    tools === null ||
    allowedDomains === null ||
    problems.length > 0
  )
    return null
  const workshop: Workshop = {
    slug,
    kind,
    title,
    claimsOpenAt,
    claimsCloseAt,
    allowedModels,
    poolLimit,
    keyLimit,
    keyLimitReset,
    keyExpiresAt,
    keyExpiresInMs,
    providers,
    marketingOptIn,
    maxKeys,
    premint,
    ...details,
    timezone: timezone ?? 'UTC',
    minAccountAgeMs,
    allowedDomains,
    ...roster,
    roomCode,
    listed,
    cooldownMs,
    repositoryUrl,
    tools,
    ...day,
  }
  checkSeats(workshop, fields)
  addWarnings(workshop, fields, warnings, timezone)
  return workshop
}

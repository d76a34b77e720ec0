/**
 * A workshop file is read in full or not at all. Guarantee: a workshop that comes out obeys every
 * rule of docs/workshop-files.md; otherwise each problem names file, line, field and remedy, all of
 * them at once. Pure: no files, no clock; it never throws, whatever the text.
 */
import { formatUsd } from '~/money'
import { maxCommittedIn } from '../money/committed'
import { keysThatFit } from './worst-case'
import { Fields, isEmail } from './fields'
import { didYouMean, quoted } from './problem'
import type { Problem } from '../workshop-file'
import type {
  KeyLimitReset,
  Organizer,
  Workshop,
  WorkshopKind,
  WorkshopProvider,
} from '../workshop-file'
import { readYamlSource, type TextNode } from './yaml-source'

export { formatProblem } from './problem'
export type { Problem } from '../workshop-file'

export type ParsedWorkshop =
  { ok: true; workshop: Workshop; warnings: Problem[] } | { ok: false; problems: Problem[] }

/**
 * Upstream names are `km/<installation>/<slug>/<attempt id>` and `workshop-<slug>`; with two uuids
 * this keeps them below 200.
 */
export const MAX_SLUG_LENGTH = 50

/** Reads one file. `fileName` may have folders before it; they only appear in the problems. */
export function parseWorkshopFile(text: string, fileName: string): ParsedWorkshop {
  const slug = slugOf(fileName)
  const slugProblems = checkSlug(slug, fileName)
  const source = readYamlSource(text, fileName)
  const problems = [...slugProblems, ...source.problems]
  if (source.root === null) return { ok: false, problems: inOrder(problems) }
  const warnings: Problem[] = []
  const workshop = readWorkshop(
    slug,
    new Fields(source.root, fileName, problems),
    problems,
    warnings,
  )
  if (workshop === null || problems.length > 0) return { ok: false, problems: inOrder(problems) }
  return { ok: true, workshop, warnings: inOrder(warnings) }
}

/** `workshops/duckdb-agents.yaml` is `duckdb-agents`. */
export function slugOf(fileName: string): string {
  return fileName.replace(/^.*[/\\]/s, '').replace(/\.ya?ml$/i, '')
}

const KINDS: readonly WorkshopKind[] = ['workshop', 'giveaway']
const RESETS: readonly KeyLimitReset[] = ['daily', 'weekly', 'monthly']
const PROVIDERS: readonly WorkshopProvider[] = ['github', 'google']

const KNOWN = [
  'title',
  'kind',
  'claims_open_at',
  'claims_close_at',
  'allowed_models',
  'limit_usd',
  'key_limit_usd',
  'key_limit_reset',
  'key_expires_at',
  'key_expires_in',
  'providers',
  'marketing_opt_in',
  'max_keys',
  'description',
  'venue',
  'timezone',
  'organizer',
  'docs_url',
  'acknowledged_terms',
  'min_account_age',
  'cooldown',
  'repository_url',
] as const

/** Names people write that are too far from the right one for a count of letters. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  slug: 'remove it; the slug is the name of the file',
  models: 'did you mean allowed_models?',
  budget: 'did you mean limit_usd (the pool) or key_limit_usd (each key)?',
  limit: 'did you mean limit_usd (the pool) or key_limit_usd (each key)?',
  pool: 'did you mean limit_usd?',
  pool_limit_usd: 'did you mean limit_usd?',
  seats: 'did you mean max_keys?',
  max_seats: 'did you mean max_keys?',
  opens_at: 'did you mean claims_open_at?',
  closes_at: 'did you mean claims_close_at?',
  open_at: 'did you mean claims_open_at?',
  close_at: 'did you mean claims_close_at?',
  expires_at: 'did you mean key_expires_at?',
  expires_in: 'did you mean key_expires_in?',
  repository: 'did you mean repository_url?',
  star: 'did you mean repository_url?',
  reset: 'did you mean key_limit_reset?',
  location: 'did you mean venue?',
  organiser: 'did you mean organizer?',
  name: 'did you mean title?',
}

const MODEL_ID = /^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(:[a-z0-9-]+)?$/
const KNOWN_AUTHORS: Readonly<Record<string, string>> = {
  gpt: 'openai',
  claude: 'anthropic',
  gemini: 'google',
  mistral: 'mistralai',
  llama: 'meta-llama',
}
const MODELS_EXAMPLE = '[anthropic/claude-sonnet-4.6, openai/gpt-5-nano]'
const MAX_PROBLEMS = 50

function readWorkshop(
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
    (node, name) => modelId(fields, node, name),
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
  const marketingOptIn = optInWords(fields)
  const words = {
    description: fields.words('description', 2000),
    venue: fields.line('venue', 200),
    organizer: readOrganizer(fields),
    docsUrl: fields.webAddress('docs_url'),
    acknowledgedTerms: fields.yes('acknowledged_terms') ?? false,
  }
  const minAccountAgeMs = fields.duration('min_account_age', 3660)
  const cooldownMs = fields.duration('cooldown', 3660)
  const repositoryUrl = fields.webAddress('repository_url')

  const needs = (name: (typeof KNOWN)[number], remedy: string): void => {
    if (
      !fields.has(name) &&
      !meant.has(name) &&
      !(name === 'allowed_models' && fields.has('models')) &&
      !problems.some((problem) => problem.field === name)
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

  if (kind === 'giveaway') {
    needs('max_keys', 'add how many keys there are, such as `max_keys: 500`')
    needs('providers', 'add `providers: [github]`')
    if (providers !== null && (providers.length !== 1 || providers[0] !== 'github'))
      fields.problem('providers', 'must be exactly github for a giveaway', 'write [github]')
    if (
      !words.acknowledgedTerms &&
      !problems.some((problem) => problem.field === 'acknowledged_terms')
    ) {
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
    for (const name of ['min_account_age', 'cooldown', 'repository_url']) {
      if (fields.has(name)) fields.problem(name, 'is only for giveaways', 'remove the line')
    }
  }

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
  const isCapRight = poolLimit === null || keyLimit === null || keyLimit <= poolLimit
  if (!isCapRight)
    fields.problem(
      'key_limit_usd',
      'is more than limit_usd, so not one key fits',
      'lower key_limit_usd or raise limit_usd',
    )

  if (
    kind === null ||
    title === null ||
    allowedModels === null ||
    keyLimit === null ||
    providers === null ||
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
    ...words,
    timezone: timezone ?? 'UTC',
    minAccountAgeMs,
    cooldownMs,
    repositoryUrl,
  }
  checkSeats(workshop, fields)
  addWarnings(workshop, fields, warnings, timezone)
  return workshop
}

/**
 * The cap starts afresh with each window until the key ends, and the pool must be able to pay for
 * one key at least.
 */
function checkSeats(workshop: Workshop, fields: Fields): void {
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
  fields.problem(
    'limit_usd',
    `is less than one key may spend until it ends (${formatUsd(workshop.keyLimit, { exact: true })} ${workshop.keyLimitReset ?? 'once'})`,
    'raise limit_usd, lower key_limit_usd, or let keys end sooner',
  )
}

function addWarnings(
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
}

function optInWords(fields: Fields): string | null {
  const words = fields.line('marketing_opt_in', 200)
  if (words === null || !/^(true|false|yes|no|on|off)$/i.test(words)) return words
  fields.problem(
    'marketing_opt_in',
    'is the sentence beside the checkbox, not a switch',
    'write the sentence, or remove the line',
  )
  return null
}

function readOrganizer(fields: Fields): Organizer | null {
  const detail = fields.child('organizer')
  if (detail !== null) {
    detail.refuseUnknown(['name', 'email', 'url'])
    const name = detail.line('name', 120)
    if (name === null && !detail.has('name'))
      detail.problem('name', 'is missing', 'add the name of the organizer')
    const reach = { email: detail.email('email'), url: detail.webAddress('url') }
    return name === null ? null : { name, ...reach }
  }
  const text = fields.line('organizer', 300)
  if (text === null) return null
  const match = /^([^<>]*)<([^<>]*)>$/.exec(text)
  const address = match?.[2]?.trim() ?? text
  const name = match?.[1]?.trim() || address
  if (isEmail(address)) return { name, email: address, url: null }
  if (address.startsWith('https://') && URL.canParse(address))
    return { name, email: null, url: new URL(address).href }
  if (match === null) return { name: text, email: null, url: null }
  fields.problem(
    'organizer',
    `has no email or https address between < and >: ${quoted(address)}`,
    'write `Name <workshops@example.org>`',
  )
  return null
}

function modelId(fields: Fields, node: TextNode, name: string): string | null {
  const { text } = node
  if (text.length <= 100 && MODEL_ID.test(text)) return text
  const lower = text.toLowerCase()
  if (text.length <= 100 && MODEL_ID.test(lower))
    fields.itemProblem(
      name,
      `has capital letters: ${quoted(text)}`,
      `did you mean ${lower}?`,
      node.at,
    )
  else if (!text.includes('/'))
    fields.itemProblem(
      name,
      `is not a model: ${quoted(text)} has no author and slash`,
      `write author/model, such as ${exampleModel(lower)}`,
      node.at,
    )
  else
    fields.itemProblem(
      name,
      `is not a model id: ${quoted(text)}`,
      "copy the id from the provider's list of models, such as openai/gpt-5-nano",
      node.at,
    )
  return null
}

function exampleModel(word: string): string {
  const family = Object.keys(KNOWN_AUTHORS).find((name) => word.startsWith(name))
  if (family !== undefined && /^[a-z0-9._-]{1,60}$/.test(word))
    return `${KNOWN_AUTHORS[family]}/${word}`
  return didYouMean(word, ['openai']) === null ? 'anthropic/claude-sonnet-4.6' : 'openai/gpt-5-nano'
}

function checkSlug(slug: string, file: string): Problem[] {
  const problem = (message: string, remedy: string): Problem[] => [
    { file, line: 1, field: 'slug', message, remedy },
  ]
  if (/\.yml$/i.test(file)) return problem('the file ends in .yml', `rename it to ${slug}.yaml`)
  if (slug.length > MAX_SLUG_LENGTH)
    return problem(
      `the name of the file is longer than ${MAX_SLUG_LENGTH} characters`,
      'shorten it; it is the address of the page',
    )
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) return []
  const better = slug
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return problem(
    `the name of the file is no address: ${quoted(slug)}`,
    `rename it to ${better === '' ? 'my-workshop' : better}.yaml`,
  )
}

function inOrder(problems: Problem[]): Problem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || (a.column ?? 0) - (b.column ?? 0))
  const last = sorted[MAX_PROBLEMS]
  if (last === undefined) return sorted
  const rest = {
    ...last,
    field: 'file',
    message: `and ${sorted.length - MAX_PROBLEMS} more problems from here on`,
    remedy: 'mend the ones above first',
  }
  return [...sorted.slice(0, MAX_PROBLEMS), rest]
}

/** The names that a workshop file may use, and what is meant by those that it may not. */

export const KNOWN = [
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
  'tools',
] as const

export type FieldName = (typeof KNOWN)[number]

/** Names people write that are too far from the right one for a count of letters. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
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

/** What differs between two versions of a workshop's file, and what each difference does. */
import { formatUsd } from '~/money'
import type { Workshop } from '../../domain/workshop-file'
import { bothClocks } from './times'

export type Change = { field: string; from: string; to: string; meaning: string }

type Field = {
  name: string
  read: (workshop: Workshop) => string
  meaning: string | ((before: Workshop, after: Workshop) => string)
}

const time = (at: Date | null, zone: string) => (at === null ? 'none' : bothClocks(at, zone))
const money = (amount: bigint | null) =>
  amount === null ? 'none' : formatUsd(amount, { exact: true })
const newOnly = 'Only new claims: keys that people have keep theirs.'
const shown = 'Shown at once.'

const fields: Field[] = [
  {
    name: 'kind',
    read: ({ kind }) => kind,
    meaning: 'New claims follow the rules of the new kind.',
  },
  { name: 'title', read: ({ title }) => title, meaning: shown },
  {
    name: 'claims_open_at',
    read: (workshop) => time(workshop.claimsOpenAt, workshop.timezone),
    meaning: 'From the next claim on; keys keep their expiry.',
  },
  {
    name: 'claims_close_at',
    read: (workshop) => time(workshop.claimsCloseAt, workshop.timezone),
    meaning: 'From the next claim on; keys keep their expiry.',
  },
  {
    name: 'allowed_models',
    read: ({ allowedModels }) => allowedModels.join(', '),
    meaning: (before, after) => {
      const gone = before.allowedModels.filter((model) => !after.allowedModels.includes(model))
      return gone.length === 0
        ? 'Keymint changes the guardrail: keys that people have may use the new models too.'
        : `Keymint changes the guardrail: keys that people have stop working with ${gone.join(', ')}.`
    },
  },
  {
    name: 'limit_usd',
    read: ({ poolLimit }) => money(poolLimit),
    meaning: (before, after) =>
      (after.poolLimit ?? 0n) < (before.poolLimit ?? 0n) && after.poolLimit !== null
        ? 'No key ends. No new claim until less is committed than the new pool.'
        : 'More seats at once.',
  },
  { name: 'key_limit_usd', read: ({ keyLimit }) => money(keyLimit), meaning: newOnly },
  {
    name: 'key_limit_reset',
    read: ({ keyLimitReset }) => keyLimitReset ?? 'none',
    meaning: newOnly,
  },
  {
    name: 'key_expires_at',
    read: (workshop) => time(workshop.keyExpiresAt, workshop.timezone),
    meaning: newOnly,
  },
  {
    name: 'key_expires_in',
    read: ({ keyExpiresInMs }) =>
      keyExpiresInMs === null ? 'none' : `${keyExpiresInMs / 3_600_000} h`,
    meaning: newOnly,
  },
  {
    name: 'max_keys',
    read: ({ maxKeys }) => (maxKeys === null ? 'none' : String(maxKeys)),
    meaning: (before, after) =>
      (after.maxKeys ?? Infinity) < (before.maxKeys ?? Infinity)
        ? 'No key ends. No new claim while more seats are taken than the new maximum.'
        : 'More seats at once, if the pool pays for them.',
  },
  {
    name: 'providers',
    read: ({ providers }) => providers.join(', '),
    meaning: 'Only new claims.',
  },
  {
    name: 'timezone',
    read: ({ timezone }) => timezone,
    meaning: 'The moments stay; only how they are shown here changes.',
  },
  {
    name: 'organizers',
    read: ({ organizers }) => organizers.join(', ') || 'none',
    meaning: 'Who is on the list may see and act in this workshop; who left it may not.',
  },
  {
    name: 'min_account_age',
    read: ({ minAccountAgeMs }) => hours(minAccountAgeMs),
    meaning: 'Only new claims.',
  },
  {
    name: 'cooldown',
    read: ({ cooldownMs }) => hours(cooldownMs),
    meaning: newOnly,
  },
  {
    name: 'pause_on_runaway',
    read: ({ pauseOnRunawayMinutes: minutes }) => (minutes === null ? 'none' : `${minutes} min`),
    meaning: 'Keys that people have too. A hold that stands stays until somebody lifts it.',
  },
  ...(
    [
      ['marketing_opt_in', ({ marketingOptIn }) => marketingOptIn],
      ['description', ({ description }) => description],
      ['venue', ({ venue }) => venue],
      ['organizer', ({ organizer }) => organizer && Object.values(organizer).join(' ')],
      ['docs_url', ({ docsUrl }) => docsUrl],
      ['repository_url', ({ repositoryUrl }) => repositoryUrl],
      ['tools', ({ tools }) => tools.join(', ')],
    ] satisfies [string, (workshop: Workshop) => string | null][]
  ).map(([name, read]): Field => ({
    name,
    read: (workshop) => read(workshop) ?? 'none',
    meaning: shown,
  })),
]

export function changesOf(before: Workshop, after: Workshop): Change[] {
  return fields.flatMap(({ name, read, meaning }) => {
    // A moment written in another zone is the same moment.
    const zone = after.timezone
    const [from, to] = [
      read({ ...before, timezone: name === 'timezone' ? before.timezone : zone }),
      read(after),
    ]
    if (from === to) return []
    return [
      {
        field: name,
        from,
        to,
        meaning: typeof meaning === 'string' ? meaning : meaning(before, after),
      },
    ]
  })
}

/** Two names for one workshop: a rename, which closes the old one and opens an empty one. */
export function looksRenamed(before: Workshop, after: Workshop): boolean {
  if (before.title === after.title) return true
  const differing = changesOf(before, after).map(({ field }) => field)
  return !differing.some((field) =>
    ['claims_open_at', 'claims_close_at', 'limit_usd', 'key_limit_usd', 'allowed_models'].includes(
      field,
    ),
  )
}

const hours = (ms: number | null) => (ms === null ? 'none' : `${ms / 3_600_000} h`)

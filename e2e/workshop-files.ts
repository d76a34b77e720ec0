/** The workshops of the journeys: one small file a case. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { githubPeople } from '../simulators/identity/people'

const open = 'claims_open_at: 2026-01-15T09:00:00Z\nclaims_close_at: 2099-12-31T18:00:00Z'
const rest = (more = '', providers = 'github, google') => `providers: [${providers}]
timezone: Europe/Berlin
organizer: Journey hosts <hosts@example.org>
allowed_models: [anthropic/claude-sonnet-4.6, openai/gpt-5-nano]
limit_usd: 6
key_limit_usd: 0.06
key_expires_in: 2d
${more}`

/** See access.spec.ts. */
const organizerOfSecondRoom = githubPeople.filter((person) => !person.note)[92]?.login ?? ''

const giveaway = (title: string, more: string) => `title: ${title}
kind: giveaway
acknowledged_terms: true
providers: [github]
organizer: Journey hosts <hosts@example.org>
allowed_models: [openai/gpt-5-nano]
key_limit_usd: 0.02
key_limit_reset: daily
key_expires_in: 3d
repository_url: https://example.org/keymint
${more}`

/** No field can be much longer than these, and neither breaks at a space. */
const word = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk'
const address = `https://workshops.example.org/${'a-very-long-path-without-a-break/'.repeat(3)}?q=${word}`
const longFields = `title: ${word} für Anfängerinnen
description: "${word}: see ${address}"
venue: ${word}, ${address.slice(0, 120)}
organizer: ${word} <${'hosts-of-the-'.repeat(4)}workshop@${'example-'.repeat(6)}domain.org>
docs_url: ${address}
marketing_opt_in: Tell me about the next ${word} at ${address.slice(0, 80)}
timezone: America/Argentina/ComodRivadavia
claims_open_at: 2026-01-15T09:00:00Z
claims_close_at: 2099-12-31T18:00:00Z
`

const files: Record<string, string> = {
  'long-room': `${longFields}providers: [github, google]
allowed_models: [anthropic/claude-sonnet-4.6, openai/gpt-5-nano]
limit_usd: 99999
key_limit_usd: 999.99
key_limit_reset: monthly
key_expires_in: 30d
`,
  'long-gift': `${longFields}kind: giveaway
acknowledged_terms: true
providers: [github]
allowed_models: [openai/gpt-5-nano, a-provider-with-a-long-name/${'and-a-model-'.repeat(4)}70b:free]
key_limit_usd: 0.02
key_limit_reset: daily
key_expires_in: 3d
max_keys: 99
min_account_age: 30d
cooldown: 400d
repository_url: ${address}
`,
  'open-room': `title: The open workshop
description: One key for everyone who walks in.
venue: Room Helium
marketing_opt_in: Tell me about the next workshop
${open}
${rest()}`,
  'second-room': `title: The second workshop\n${open}\n${rest(`organizers: [${organizerOfSecondRoom}]\n`)}`,
  'report-room': `title: The reported workshop\n${open}\n${rest()}`,
  'live-room': `title: The workshop on the wall\n${open}
${rest('ask_for_more: true\nannounce_problems: true\nwall_shows_spending: true\n')}`,
  'wall-room': `title: The workshop whose wall stands all day\n${open}
${rest('announce_problems: true\nwall_shows_spending: true\n')}`,
  'full-room': `title: The full workshop\n${open}\n${rest('max_keys: 1\n')}`,
  'line-room': `title: The workshop with a waitlist\n${open}\n${rest('max_keys: 1\nwaitlist: true\n')}`,
  'runaway-room': `title: The workshop with fast keys\n${open}\n${rest('pause_on_runaway: true\n')}`,
  'unused-room': `title: The workshop of unused keys\n${open}
${rest('max_keys: 2\nwaitlist: true\nrelease_unused_after: 30m\n')}`,
  'last-seat': `title: The workshop with one seat\n${open}\n${rest('max_keys: 1\n')}`,
  'live-seat': `title: The workshop that is watched\n${open}\n${rest('max_keys: 1\n')}`,
  'closed-room': `title: The closed workshop
claims_open_at: 2026-01-15T09:00:00Z
claims_close_at: 2026-01-16T09:00:00Z
${rest()}`,
  'coming-room': `title: The coming workshop
claims_open_at: 2098-01-15T09:00:00Z
claims_close_at: 2099-01-16T09:00:00Z
${rest()}`,
  'github-room': `title: The workshop of one provider\n${open}\n${rest('', 'github')}`,
  'doomed-room': `title: The workshop whose model is refused\n${open}\n${rest()}`,
  'crowded-room': `title: The crowded workshop\n${open}\n${rest()}`,
  'small-keys': giveaway('A small key for everyone', 'max_keys: 50\nmin_account_age: 30d\n'),
  'last-keys': giveaway('The last of the keys', 'max_keys: 1\ncooldown: 7d\n'),
  'bind-room': `title: The workshop whose limits fail\n${open}\n${rest()}`,
  'outage-room': `title: The workshop in an outage\n${open}\n${rest()}`,
  'pause-room': `title: The workshop that pauses\n${open}\n${rest()}`,
  'listed-room': `title: The workshop with a roster\n${open}\n${rest('roster: [nobody-at-all]\nlisted: false\n')}`,
  'code-room': `title: The workshop with a code\n${open}\n${rest('room_code: rotating\n')}`,
  'broken-room': `title: The workshop with a mistake\nkey_limt_usd: 2\n${open}\n${rest()}`,
}

export function writeWorkshopFiles(directory: string): void {
  for (const [slug, text] of Object.entries(files))
    writeFileSync(path.join(directory, `${slug}.yaml`), text)
}

/**
 * The shape of a workshop file for editors: names, what they mean, and what may stand there while
 * one writes. `parse.ts` alone decides; what needs several fields or a clock is known only there.
 */
import { z } from 'zod'
import { toolIds } from '../workshop-file'
import type { FieldName } from './field-names'

const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\n\r]*$/)
const amount = z.union([
  z.number().positive(),
  z.string().regex(/^(?:0|[1-9]\d{0,10})(?:\.\d{1,9})?$/),
])
const count = (max: number) =>
  z.union([z.int().min(1).max(max), z.string().regex(/^[1-9]\d{0,8}$/)])
const moment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/)
  .meta({ examples: ['2026-04-14T08:30:00+02:00'] })
const duration = z
  .string()
  .regex(/^[1-9]\d{0,5}[hdw]$/)
  .meta({ examples: ['36h', '7d', '2w'] })
const webAddress = z
  .string()
  .max(500)
  .regex(/^https:/)
const email = z
  .string()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/)
const unique = { uniqueItems: true }

const fields = {
  title: line(120).min(1).describe('What people read first: one line, at most 120 characters.'),
  kind: z
    .enum(['workshop', 'giveaway'])
    .describe('`workshop` when left out. A giveaway runs without an event and needs GitHub.')
    .meta({ default: 'workshop' }),
  claims_open_at: moment.describe(
    'When claims open, with the offset. A giveaway may leave it out.',
  ),
  claims_close_at: moment.describe(
    'When claims close, with the offset. A giveaway may leave it out.',
  ),
  allowed_models: z
    .array(
      z
        .string()
        .max(100)
        .regex(/^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(:[a-z0-9-]+)?$/),
    )
    .min(1)
    .max(50)
    .describe('The models that a key may use, as author/model.')
    .meta({ ...unique, examples: [['anthropic/claude-sonnet-4.6', 'openai/gpt-5-nano']] }),
  limit_usd: amount.describe('The pool: the maximum that the whole workshop can commit, in USD.'),
  key_limit_usd: amount.describe('The cap of each key, in USD; at most limit_usd.'),
  key_limit_reset: z
    .enum(['daily', 'weekly', 'monthly'])
    .nullable()
    .describe('When the cap of a key refills, in UTC. null, or left out: never.'),
  key_expires_at: moment.describe(
    'When keys end, after claims have closed. Either this or key_expires_in.',
  ),
  key_expires_in: duration.describe(
    'How long a key works after its claim, at most 366 days. Either this or key_expires_at.',
  ),
  providers: z
    .array(z.enum(['github', 'google']))
    .min(1)
    .max(2)
    .describe('How a person must be signed in. A giveaway: exactly [github].')
    .meta(unique),
  marketing_opt_in: line(200).describe('The label of a checkbox; without it there is none.'),
  max_keys: count(100_000).describe('The maximum number of keys. A giveaway needs it.'),
  premint: count(1_000).describe(
    'How many keys are made before anybody asks; at most max_keys. Needs key_expires_at.',
  ),
  description: z.string().max(2000).describe('May have several lines.'),
  venue: line(200).describe('Where it takes place: one line.'),
  timezone: line(60)
    .regex(/^(UTC|[A-Z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)+)$/)
    .describe('An IANA name. Times are shown in it; UTC when left out.')
    .meta({ examples: ['Europe/Berlin', 'America/New_York', 'UTC'] }),
  organizer: z
    .union([
      line(300),
      z.strictObject({
        name: line(120).min(1),
        email: email.optional(),
        url: webAddress.optional(),
      }),
    ])
    .describe('Who helps: `Name <email>`, `Name <https://…>`, or name with email and url.'),
  organizers: z
    .array(z.string())
    .min(1)
    .max(20)
    .describe('Who else sees and acts in this workshop: verified addresses or GitHub logins.')
    .meta(unique),
  docs_url: webAddress.describe('An https address for attendees.'),
  acknowledged_terms: z
    .boolean()
    .describe('Giveaways: true once you have read the provider’s terms on giving away keys.'),
  min_account_age: duration.describe(
    'How old the GitHub account must be. Needs `providers: [github]`.',
  ),
  allowed_domains: z
    .array(z.string())
    .min(1)
    .max(50)
    .describe('Domains of verified addresses that may come in; "*.example.org" for subdomains.')
    .meta(unique),
  roster: z
    .union([
      z.array(z.string()).min(1).max(1_000).meta(unique),
      z.strictObject({ file: line(500).regex(/^\//) }),
    ])
    .describe(
      'The only people who may come in: GitHub logins and hashes of addresses, or `file:` with a path.',
    ),
  room_code: z
    .literal('rotating')
    .describe('Workshops: a claim needs the six digits that staff show, new every minute.'),
  listed: z.boolean().describe('false: on no list. Whoever has the address can open it.'),
  cooldown: duration.describe('Giveaways: the wait between the end of a key and the next one.'),
  repository_url: webAddress.describe('Giveaways: a link to a repository beside the key.'),
  tools: z
    .array(z.enum(toolIds))
    .min(1)
    .max(3)
    .describe('Up to three tools that a key’s page shows first.')
    .meta(unique),
  ask_for_more: z
    .boolean()
    .describe('true: people whose key runs low may request more; staff decide.'),
  announce_problems: z
    .boolean()
    .describe('true: Keymint tells everybody when credit, pool or provider endanger the keys.'),
  wall_shows_spending: z
    .boolean()
    .describe('true: the wall shows everybody which part of the pool is spent.'),
  waitlist: z
    .boolean()
    .describe('true: a full workshop offers a place in line, and a free seat goes to the next.'),
  release_unused_after: z
    .string()
    .regex(/^[1-9]\d{0,4}[mh]$/)
    .describe('Frees the seat of a key that nobody has used: 30m to 72h. Needs `waitlist: true`.')
    .meta({ examples: ['45m', '2h'] }),
  pause_on_runaway: z
    .union([z.boolean(), z.string().regex(/^([2-9]|[1-5]\d|60)m$/)])
    .describe(
      'true (ten minutes), or 2m to 60m: holds a key whose pace would use up its whole limit in that time.',
    ),
} satisfies Record<FieldName, z.ZodType>

const needed = new Set<string>(['title', 'allowed_models', 'key_limit_usd', 'providers'])
const optional = Object.fromEntries(
  Object.entries(fields).map(([name, field]) => [
    name,
    needed.has(name) ? field : field.optional(),
  ]),
)

/** A file that has all of these. */
const having = (names: FieldName[], kind?: 'workshop' | 'giveaway') => ({
  type: 'object',
  properties: {
    ...Object.fromEntries(names.map((name) => [name, {}])),
    ...(kind && { kind: { const: kind } }),
  },
  required: names,
})

/** Draft 07, which editors read. */
export function editorSchema(): object {
  const shape = z.strictObject(optional).meta({
    title: 'A workshop of Keymint',
    allOf: [
      { oneOf: [having(['key_expires_at']), having(['key_expires_in'])] },
      {
        anyOf: [
          having(['claims_open_at', 'claims_close_at', 'limit_usd'], 'workshop'),
          having(['kind', 'max_keys', 'acknowledged_terms'], 'giveaway'),
        ],
      },
    ],
  })
  return z.toJSONSchema(shape, { target: 'draft-7' })
}

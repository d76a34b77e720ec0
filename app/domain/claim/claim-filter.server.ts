/**
 * The filter of a workshop's claims as SQL: the one place that says which claims a page, an export
 * or a bulk action means.
 */
import { Prisma, type Db } from '~/adapters/db.server'
import type { ClaimFilter } from './actions'

const facts = {
  unbound: Prisma.sql`c.state = 'ready' and c.guardrail_attached_at is null`,
  disabled: Prisma.sql`c.state = 'ready' and (c.disabled_at is not null or c.upstream_disabled)`,
  missing: Prisma.sql`c.state = 'ready' and c.upstream_missing_at is not null`,
  'over-limit': Prisma.sql`
    c.state = 'ready' and c.window_used_usd >= coalesce(c.limit_now_usd, c.limit_usd)`,
} as const satisfies Record<NonNullable<ClaimFilter['fact']>, Prisma.Sql>

const maxTerms = 5
const denseFrom = 2_000

/**
 * A condition on `c` (workshop_attendance) joined with `a` (attendees) by user_id. Every shape of
 * it is served by an index. `dense` is for text that very many people match: then whoever reads in
 * an order of the list finds a page sooner by looking at each row.
 */
export function claimWhere(
  workshopSlug: string,
  filter: ClaimFilter,
  options: { dense: boolean } = { dense: false },
): Prisma.Sql {
  const parts = [Prisma.sql`c.workshop_slug = ${workshopSlug}`]
  if (filter.state) parts.push(Prisma.sql`c.state = ${filter.state}`)
  if (filter.fact) parts.push(facts[filter.fact])
  const text = filter.text?.trim()
  if (text)
    parts.push(
      options.dense
        ? textOfRow(text)
        : anyOf(textMatches(Prisma.sql`held.workshop_slug = ${workshopSlug}`, text)),
    )
  return Prisma.join(parts, ' and ')
}

/**
 * Whether so many people match a text that they are better met in the order of the list than
 * gathered first.
 */
export async function isDense(db: Db, filter: ClaimFilter): Promise<boolean> {
  const text = filter.text?.trim()
  if (!text) return false
  const [row] = await db.$queryRaw<{ people: number }[]>`
    select count(*)::int as people
      from (select 1 from keymint.attendees person where ${named(text, Prisma.sql`person.search_text`)}
      limit ${denseFrom}::int) matching`
  return row?.people === denseFrom
}

const named = (text: string, column: Prisma.Sql) =>
  Prisma.join(
    text
      .split(/\s+/)
      .slice(0, maxTerms)
      .map((word) => Prisma.sql`${column} like keymint.search_pattern(${word})`),
    ' and ',
  )

function textOfRow(text: string): Prisma.Sql {
  const parts = [
    Prisma.sql`(${named(text, Prisma.sql`a.search_text`)})`,
    Prisma.sql`c.key_label ilike ${`%${escapeLike(text)}%`}`,
  ]
  const hex = text.toLowerCase()
  if (isHashStart(hex)) parts.push(Prisma.sql`c.or_key_hash like ${`${hex}%`}`)
  const range = claimIdRange(hex)
  if (range) parts.push(Prisma.sql`c.claim_id between ${range.first}::uuid and ${range.last}::uuid`)
  return Prisma.sql`(${Prisma.join(parts, ' or ')})`
}

/** A condition on `c` alone: the text matches it, in whichever workshop. */
export const claimMatches = (text: string): Prisma.Sql => anyOf(textMatches(Prisma.sql`true`, text))

const anyOf = (matches: Prisma.Sql[]) =>
  Prisma.sql`c.claim_id in (${Prisma.join(matches, ' union all ')})`

/** Each of these asks one index: a condition with "or" across two tables could ask none. */
function textMatches(place: Prisma.Sql, text: string): Prisma.Sql[] {
  const heldWhere = (condition: Prisma.Sql) =>
    Prisma.sql`
      select held.claim_id from keymint.workshop_attendance held where ${place} and ${condition}`
  const matches = [
    Prisma.sql`
      select held.claim_id from keymint.attendees person join keymint.workshop_attendance held
        on held.user_id = person.user_id and ${place}
        where ${named(text, Prisma.sql`person.search_text`)}`,
    heldWhere(Prisma.sql`held.key_label ilike ${`%${escapeLike(text)}%`}`),
  ]
  const hex = text.toLowerCase()
  if (isHashStart(hex)) matches.push(heldWhere(Prisma.sql`held.or_key_hash like ${`${hex}%`}`))
  const range = claimIdRange(hex)
  if (range)
    matches.push(
      heldWhere(Prisma.sql`held.claim_id between ${range.first}::uuid and ${range.last}::uuid`),
    )
  return matches
}

const isHashStart = (text: string) => /^[0-9a-f]{4,64}$/.test(text)

/** Every claim id that begins like this: an id has an order, so no text index is needed. */
function claimIdRange(text: string): { first: string; last: string } | null {
  const digits = text.replaceAll('-', '')
  if (!/^[0-9a-f]{4,32}$/.test(digits)) return null
  return { first: digits.padEnd(32, '0'), last: digits.padEnd(32, 'f') }
}

const escapeLike = (text: string) => text.replace(/[\\%_]/g, String.raw`\$&`)

/**
 * Whether searching by text asks an index. Where a host does not allow pg_trgm it reads every row,
 * which a person should know.
 */
export async function isSearchIndexed(db: Db): Promise<boolean> {
  const [row] = await db.$queryRaw<
    { indexed: boolean }[]
  >`select to_regclass('keymint.attendees_search_trigrams') is not null as indexed`
  return row?.indexed ?? false
}

/**
 * A workshop's claims as rows for a file: only a page of them is in memory at a time, however many
 * there are.
 */
import { Prisma } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { ClaimFilter } from '../claim/actions'
import { claimWhere } from '../claim/claim-filter.server'

/** The cells of a row, in this order. */
export const exportFields = [
  'reference',
  'name',
  'email',
  'provider',
  'state',
  'reason',
  'claimedAt',
  'keyLabel',
  'keyHash',
  'boundAt',
  'limitUsd',
  'limitReset',
  'usedUsd',
  'usageAsOf',
  'expiresAt',
  'endedAt',
  'disabled',
  'missingSince',
  'optedIn',
  'claimId',
] as const

const rowsAtOnce = 2_000

type Row = { claimId: string; cursor: string; cells: (string | null)[] }

/** Audited before the first row, because addresses of people leave with it. Oldest claims first. */
export async function* exportClaims(
  ctx: Ctx,
  input: { workshopSlug: string; filter: ClaimFilter; actorUserId: string },
): AsyncGenerator<string[]> {
  const { workshopSlug, filter, actorUserId } = input
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'claims.exported',
      subject: `workshop:${workshopSlug}`,
      scope: workshopSlug,
      details: { ...filter },
    }),
  )
  let last: Row | undefined
  do {
    const place: Prisma.Sql = last
      ? Prisma.sql`and (c.attended_at, c.claim_id) > (${last.cursor}::timestamptz, ${last.claimId}::uuid)`
      : Prisma.empty
    const rows: Row[] = await ctx.db.$queryRaw<Row[]>`
      select c.claim_id as "claimId", c.attended_at::text as cursor, array[
        upper(left(c.claim_id::text, 8)), a.display_name, a.email, c.provider, c.state, c.reason,
          ${utc(Prisma.sql`c.attended_at`)}, c.key_label, c.or_key_hash,
          ${utc(Prisma.sql`c.guardrail_attached_at`)},
        c.limit_usd::text, coalesce(c.limit_reset, 'never'), case
          when c.usage_synced_at is not null then c.usage_usd::text end, ${utc(Prisma.sql`c.usage_synced_at`)},
        ${utc(Prisma.sql`c.expires_at`)}, ${utc(Prisma.sql`c.ended_at`)}, case when c.disabled_at is not null
          or c.upstream_disabled then 'yes' else 'no' end, ${utc(Prisma.sql`c.upstream_missing_at`)},
        case when a.marketing_opted_in and a.marketing_opted_in_workshop = c.workshop_slug then 'yes' else 'no'
          end, c.claim_id::text] as cells
      from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
      where ${claimWhere(workshopSlug, filter)} ${place}
      order by c.attended_at, c.claim_id limit ${rowsAtOnce}::int`
    for (const row of rows) yield row.cells.map((cell) => cell ?? '')
    last = rows.length === rowsAtOnce ? rows.at(-1) : undefined
  } while (last)
}

const utc = (column: Prisma.Sql) =>
  Prisma.sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')`

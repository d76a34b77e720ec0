/**
 * Free text of the queue's search: a person's name or email, or the beginning of an id of a job, a
 * mint or a claim.
 */
import { catalog, deadLetterNames } from '~/adapters/job-catalog'
import type { Ctx } from '../../ctx'

/** Jobs named outright, and mints whose jobs are meant. */
export type Found = { jobIds: string[]; mintIds: string[] }

const maxPeople = 100
const maxFound = 500

/** What this text means, a few hundred of each at most. */
export async function findSubjects(ctx: Pick<Ctx, 'db'>, text: string): Promise<Found> {
  const range = uuidRange(text)
  const like = `%${text.trim().replace(/[\\%_]/g, '\\$&')}%`
  const names = [...Object.keys(catalog), ...deadLetterNames]
  const rows = await ctx.db.$queryRaw<{ jobId: string | null; mintId: string | null }[]>`
    with people as (
      select user_id from keymint.attendees where display_name ilike ${like} or email ilike ${like}
        limit ${maxPeople}::int),
    claims as (
      select c.claim_id from keymint.workshop_attendance c join people using (user_id)
      union select claim_id from keymint.workshop_attendance where claim_id between ${range?.from ?? null}::uuid
        and ${range?.to ?? null}::uuid)
    (select null::uuid as "jobId", m.id as "mintId" from keymint.mints m join claims on m.holder_kind = 'claim'
      and m.holder_id = claims.claim_id limit ${maxFound}::int)
    union all (select null, m.id from keymint.mints m where m.id between ${range?.from ?? null}::uuid
      and ${range?.to ?? null}::uuid limit 100)
    union all (select j.id, null from pgboss.job j where j.name = any(${names})
      and j.id between ${range?.from ?? null}::uuid and ${range?.to ?? null}::uuid limit 100)`
  return {
    jobIds: rows.flatMap(({ jobId }) => jobId ?? []),
    mintIds: rows.flatMap(({ mintId }) => mintId ?? []),
  }
}

/** All ids that begin so: four hexadecimal digits at least, with or without dashes. */
function uuidRange(text: string): { from: string; to: string } | null {
  const digits = text
    .trim()
    .toLowerCase()
    .replace(/^no\.\s*/, '')
    .replaceAll('-', '')
  if (!/^[0-9a-f]{4,32}$/.test(digits)) return null
  const dashed = (fill: string) =>
    digits.padEnd(32, fill).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { from: dashed('0'), to: dashed('f') }
}

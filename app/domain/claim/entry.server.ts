/**
 * Who may come in, as the claim's own transaction decides it: the file's rules, what staff granted,
 * and the code of the minute, all read by one statement of that transaction. What it decides holds
 * for the row that is written with it.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { Workshop } from '../workshop-file'
import { hasEntryRules, obstacleOf, type Claimant, type Entry, type EntryRule } from './admission'
import { isRightCode } from './workshop-code'

export type EntryRefusal = EntryRule | CodeRefusal
export type CodeRefusal = 'code-needed' | 'code-wrong' | 'code-limit'

type Person = Pick<Claimant, 'userId' | 'emailNormalized' | 'githubLogins'>
type EntryCtx = Pick<Ctx, 'fingerprints' | 'rosterKeys'>

/** Thrown inside the claim's transaction: nothing is written. */
export class EntryRefused extends Error {
  override name = 'EntryRefused'
  constructor(readonly reason: EntryRefusal) {
    super(`entry was refused: ${reason}`)
  }
}

/** What of a mailbox is stored with a grant. */
export const addressMark = (workshopSlug: string, emailNormalized: string) =>
  `access:${workshopSlug}:email:${emailNormalized}`

export type EntryState = Entry & {
  hasClaim: boolean
  /** Engine time. */
  now: Date
}

/** What decides about this person's entry, besides the file. */
export async function readEntry(
  ctx: EntryCtx,
  db: Tx,
  workshopSlug: string,
  { userId, emailNormalized, githubLogins = [] }: Person,
): Promise<EntryState> {
  const marks =
    emailNormalized === null
      ? []
      : ctx.fingerprints.allOf(addressMark(workshopSlug, emailNormalized))
  const [row] = await db.$queryRaw<{ now: Date; hasClaim: boolean; granted: boolean }[]>`
    select keymint.now() as now,
      exists (select 1 from keymint.workshop_attendance
        where user_id = ${userId} and workshop_slug = ${workshopSlug}) as "hasClaim",
      exists (select 1 from keymint.access_grants g
        where g.workshop_slug = ${workshopSlug} and g.revoked_at is null
          and ((g.kind = 'person' and g.mark = ${userId})
            or (g.kind = 'login' and g.mark = any(${[...githubLogins]}::text[]))
            or (g.kind = 'address' and g.mark = any(${marks}::text[])))) as granted`
  return {
    granted: row?.granted ?? false,
    hasClaim: row?.hasClaim ?? false,
    now: row?.now ?? new Date(0),
    addressHashes:
      emailNormalized === null ? [] : ctx.rosterKeys.allOf(workshopSlug, emailNormalized),
  }
}

/** Nothing of a code is needed by who was let in, or has claimed before: staff decide about a second key. */
export const needsCode = (
  workshop: Pick<Workshop, 'roomCode'>,
  { granted, hasClaim }: Pick<EntryState, 'granted' | 'hasClaim'>,
): boolean => workshop.roomCode !== null && !granted && !hasClaim

/**
 * Throws EntryRefused. `code` is what was typed and counted as an attempt; null: none was.
 */
export async function requireEntry(
  ctx: EntryCtx & Pick<Ctx, 'now'>,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  code: string | null,
): Promise<void> {
  if (!hasEntryRules(workshop)) return
  const entry = await readEntry(ctx, tx, workshop.slug, person)
  const reason = obstacleOf({ workshop, person, now: ctx.now(), entry })?.reason
  if (reason === 'account-too-new' || reason === 'wrong-domain' || reason === 'not-on-roster')
    throw new EntryRefused(reason)
  if (!needsCode(workshop, entry)) return
  if (code === null) throw new EntryRefused('code-needed')
  if (!isRightCode(ctx, workshop.slug, code, entry.now)) throw new EntryRefused('code-wrong')
}

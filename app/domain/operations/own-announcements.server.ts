/**
 * Keymint's own announcements: in a workshop whose file asks for them, a cause that the one judgement
 * finds puts a line on every open page, and the line goes when the cause has been gone for a minute.
 * The pages have the lines; a row says which.
 */
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { forgetAnnouncements } from '../workshop/announcements.server'
import type { AnnouncementCause } from '../workshop/view-types'
import type { Workshop } from '../workshop-file'
import type { Finding } from './judgement'
import { readJudgement, type JudgedWorkshop } from './judgement.server'
import { isPoolNearlySpent } from './money-judgement'

/** A failure that comes and goes within a minute is one failure to the people who read of it. */
const goneSeconds = 60

/** Posts, keeps and takes down. Returns how many were posted or taken down. */
export async function keepOwnAnnouncements(ctx: Ctx): Promise<number> {
  const due = await findCauses(ctx)
  const changed = await ctx.db.$transaction(async (tx) => {
    const posted = await tx.$queryRaw<{ slug: string; cause: string; isNew: boolean }[]>`
      insert into keymint.announcements (workshop_slug, cause, seen_at)
      select slug, cause, keymint.now()
      from unnest(${due.map(({ slug }) => slug)}::text[], ${due.map(({ cause }) => cause)}::text[]) d(slug, cause)
      order by slug, cause
      on conflict (workshop_slug, coalesce(cause, 'staff')) where taken_down_at is null
        do update set seen_at = keymint.now()
      returning workshop_slug as slug, cause, xmax = 0 as "isNew"`
    const gone = await tx.$queryRaw<{ slug: string; cause: string }[]>`
      update keymint.announcements set taken_down_at = keymint.now()
      where cause is not null and taken_down_at is null
        and seen_at < keymint.now() - make_interval(secs => ${goneSeconds}::int)
      returning workshop_slug as slug, cause`
    const fresh = posted.filter(({ isNew }) => isNew)
    for (const { slug, cause } of fresh) await audit(tx, 'announcement.posted', slug, cause)
    for (const { slug, cause } of gone) await audit(tx, 'announcement.taken-down', slug, cause)
    return fresh.length + gone.length
  })
  if (changed > 0) forgetAnnouncements(ctx)
  return changed
}

const audit = (
  tx: Parameters<typeof recordAudit>[0],
  action: 'announcement.posted' | 'announcement.taken-down',
  slug: string,
  cause: string,
) =>
  recordAudit(tx, {
    actor: 'worker',
    action,
    subject: `workshop:${slug}`,
    scope: slug,
    details: { cause },
  })

/** Where no file asks for it, nothing is judged. */
async function findCauses(ctx: Ctx): Promise<{ slug: string; cause: AnnouncementCause }[]> {
  const files = [...ctx.workshops.workshops.values()].filter((file) => file.announceProblems)
  if (files.length === 0) return []
  const judgement = await readJudgement(ctx)
  return files.flatMap((file) => {
    const judged = judgement.workshops.find(({ slug }) => slug === file.slug)
    if (!judged) return []
    return causesOf(file, judged, judgement.system.reasons).map((cause) => ({
      slug: file.slug,
      cause,
    }))
  })
}

/** What endangers the keys of a workshop that hands them out, or whose keys live. */
export function causesOf(
  file: Pick<Workshop, 'poolLimit'>,
  {
    window,
    counters,
  }: Pick<JudgedWorkshop, 'window'> & {
    counters: Pick<JudgedWorkshop['counters'], 'pending' | 'ready' | 'spent'>
  },
  system: readonly Finding[],
): AnnouncementCause[] {
  if (window !== 'open' && counters.pending + counters.ready === 0) return []
  const isFailing = ({ code, severity }: Finding) =>
    severity === 'error' &&
    (code === 'account-parked' || code === 'cooling-down' || code === 'calls-failing')
  const found: AnnouncementCause[] = []
  if (system.some(isFailing)) found.push('provider')
  if (system.some(({ code }) => code === 'credits-low')) found.push('credits')
  if (isPoolNearlySpent(counters.spent, file.poolLimit)) found.push('pool')
  return found
}

/**
 * Retention: once a day, data past its time is erased. Nothing else depends on it; a day without a
 * worker only delays it.
 */
import type { Ctx } from '../ctx'
import { unendedClaim } from '../live-claim.server'
import { forgetSetups } from '../claim/setup.server'
import { erasePerson } from '../people/erase.server'
import { forgetHolds } from '../people/holds.server'

export type RetentionReport = { erased: number; sessionsForgotten: number; holdsForgotten: number }

const maxErasedPerDay = 5_000
const keptDays = 30

/** A person or a part that fails does not stop the others. */
export async function applyRetention(
  ctx: Ctx,
  onPartFailed: () => void = () => undefined,
): Promise<RetentionReport> {
  const guarded = (of: Ctx, part: string, work: () => Promise<number>) =>
    guardedPart(of, part, work, onPartFailed)
  const report: RetentionReport = {
    erased: await guarded(ctx, 'people', () => eraseInactive(ctx)),
    sessionsForgotten: await guarded(
      ctx,
      'sessions',
      () => ctx.db.$executeRaw`
      delete from keymint.sessions
        where least(ended_at, expires_at) < now() - make_interval(days => ${keptDays}::int)`,
    ),
    holdsForgotten: await guarded(ctx, 'holds', () => forgetHolds(ctx)),
  }
  // The subjects were frozen when the action began; the text that found them is no longer needed.
  await guarded(
    ctx,
    'search texts',
    () => ctx.db.$executeRaw`
    update keymint.bulk_actions set selection = selection #- '{filter,text}'
    where finished_at < now() - make_interval(days => ${keptDays}::int)
      and selection #> '{filter,text}' is not null`,
  )
  await guarded(ctx, 'setup codes', () =>
    forgetSetups(ctx, { olderThanMinutes: 24 * 60, most: 100_000 }),
  )
  await guarded(
    ctx,
    'limits',
    () =>
      ctx.db.$executeRaw`
          delete from keymint.rate_limits where expire < (extract(epoch from now()) * 1000)::bigint - 3600000`,
  )
  ctx.log.info({ report }, 'applied retention')
  return report
}

/** People not seen for RETENTION_DAYS who have nothing live; nobody without the setting. */
async function eraseInactive(ctx: Ctx): Promise<number> {
  const days = ctx.settings.retentionDays
  if (days === null) return 0
  const seenBefore = new Date(ctx.now().getTime() - days * 86_400_000)
  const inactive = await ctx.db.$queryRaw<{ userId: string }[]>`
    select a.user_id as "userId" from keymint.attendees a
    where a.erased_at is null and a.last_seen_at < ${seenBefore} and a.auth_provider <> 'service'
      and not exists (select 1 from keymint.workshop_attendance c where c.user_id = a.user_id
        and (${unendedClaim}
          or exists (select 1 from keymint.keys k where k.holder_kind = 'claim' and k.holder_id = c.claim_id
            and k.saved_at is not null and k.closed_at is null and k.written_off_at is null)))
    order by a.last_seen_at limit ${maxErasedPerDay}::int`
  let erased = 0
  for (const { userId } of inactive) {
    erased += await guardedPart(ctx, 'a person', async () =>
      (await erasePerson(ctx, { userId, because: 'retention' })).kind === 'erased' ? 1 : 0,
    )
  }
  return erased
}

async function guardedPart(
  ctx: Ctx,
  part: string,
  work: () => Promise<number>,
  onFailed: () => void = () => undefined,
): Promise<number> {
  try {
    return await work()
  } catch (error) {
    onFailed()
    ctx.log.error({ error, part }, 'a part of retention failed; retrying tomorrow')
    return 0
  }
}

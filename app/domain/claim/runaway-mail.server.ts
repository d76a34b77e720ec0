/** Tells the holder of a key by mail that it is on hold, where the operator has configured mail. */
import type { Ctx } from '../ctx'
import { mailEach, maxPerSweep, type Told } from './mail-each.server'

export async function mailHolds(ctx: Ctx): Promise<number> {
  const { mailer } = ctx
  if (!mailer) return 0
  const due = await ctx.db.$queryRaw<Told[]>`
    update keymint.runaway_holds h set mailed_at = keymint.now()
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where c.claim_id = h.claim_id and c.generation = h.generation and c.state = 'ready'
      and a.email is not null and h.id in (
        select id from keymint.runaway_holds where lifted_at is null and mailed_at is null
          and held_at > keymint.now() - interval '1 hour'
        order by held_at limit ${maxPerSweep}::int for update skip locked)
    returning h.claim_id as id, c.workshop_slug as slug, a.email`
  return await mailEach(ctx, mailer, due, ({ title, page }) => ({
    subject: `Your key is on hold: ${title}`,
    text:
      `Your key in the workshop “${title}” was spending so fast that its whole budget would have ` +
      'been gone within minutes. We put it on hold, and nothing of what is left is lost. Look at ' +
      'what your programs are doing. If it is what you want, press “Go on” on this page:\n\n' +
      `${page}\n\n` +
      'If you do not know who is using your key, replace it on the same page.\n',
  }))
}

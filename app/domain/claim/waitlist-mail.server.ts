/**
 * Tells who was let in from a waitlist, and whose seat is about to go to it, by mail, where the operator
 * has configured it.
 */
import type { Ctx } from '../ctx'
import { mailEach, maxPerSweep, type Told } from './mail-each.server'

export const mailWaitlist = async (ctx: Ctx): Promise<number> =>
  (await mailLetIn(ctx)) + (await mailRelease(ctx))

/** For keys that nobody has used yet, ten minutes before their seat goes to the line. */
async function mailRelease(ctx: Ctx): Promise<number> {
  const { mailer } = ctx
  if (!mailer) return 0
  const due = await ctx.db.$queryRaw<Told[]>`
    update keymint.release_notices n set mailed_at = keymint.now()
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where c.claim_id = n.claim_id and c.generation = n.generation and c.state = 'ready'
      and c.revealed_at is null and a.email is not null and (n.claim_id, n.generation) in (
        select claim_id, generation from keymint.release_notices
        where kept_at is null and mailed_at is null and release_at > keymint.now()
        order by release_at limit ${maxPerSweep}::int for update skip locked)
    returning n.claim_id as id, c.workshop_slug as slug, a.email`
  return await mailEach(ctx, mailer, due, ({ title, page }) => ({
    subject: `Do you still need your key? ${title}`,
    text:
      `You have a key in the workshop “${title}”, and nobody has looked at it yet. Others wait ` +
      'for a seat. Press “Keep it” on this page, or look at the key, if you want to keep it:\n\n' +
      `${page}\n\n` +
      'If you do nothing, the key ends soon and the seat goes to the next in line.\n',
  }))
}

export async function mailLetIn(ctx: Ctx): Promise<number> {
  const { mailer } = ctx
  if (!mailer) return 0
  const due = await ctx.db.$queryRaw<Told[]>`
    update keymint.waitlist w set mailed_at = keymint.now() from keymint.attendees a
    where a.user_id = w.user_id and a.email is not null and w.id in (
      select id from keymint.waitlist where state = 'let-in' and mailed_at is null
        and ended_at > keymint.now() - interval '1 hour'
      order by ended_at limit ${maxPerSweep}::int for update skip locked)
    returning w.id, w.workshop_slug as slug, a.email`
  return await mailEach(ctx, mailer, due, ({ title, page }) => ({
    subject: `You have a key: ${title}`,
    text:
      `A seat in the workshop “${title}” has become free, and it is yours. Your key is here:\n\n` +
      `${page}\n\n` +
      'You get this mail because you joined the waitlist.\n',
  }))
}

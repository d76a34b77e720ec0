/**
 * Tells who was let in from a waitlist by mail, where the operator has configured it. At most one mail
 * a seat: a process that dies between the note and the mail has sent none, and the page says it anyway.
 */
import type { Ctx } from '../ctx'

const maxPerSweep = 50

export async function mailLetIn(ctx: Ctx): Promise<number> {
  const { mailer } = ctx
  if (!mailer) return 0
  const due = await ctx.db.$queryRaw<{ id: string; slug: string; email: string }[]>`
    update keymint.waitlist w set mailed_at = keymint.now() from keymint.attendees a
    where a.user_id = w.user_id and a.email is not null and w.id in (
      select id from keymint.waitlist where state = 'let-in' and mailed_at is null
        and ended_at > keymint.now() - interval '1 hour'
      order by ended_at limit ${maxPerSweep}::int for update skip locked)
    returning w.id, w.workshop_slug as slug, a.email`
  let sent = 0
  for (const { id, slug, email } of due) {
    const title = ctx.workshops.workshops.get(slug)?.title ?? slug
    const accepted = await mailer.send({
      to: email,
      subject: `You have a key: ${title}`,
      text:
        `A seat in the workshop “${title}” has become free, and it is yours. Your key is here:\n\n` +
        `${ctx.deployment.appOrigin}/w/${slug}/claim\n\n` +
        'You get this mail because you joined the waitlist.\n',
    })
    if (accepted) sent++
    else ctx.log.warn({ place: id }, 'a mail about a free seat was not accepted')
  }
  return sent
}

/**
 * Tells the holder of a key by mail that it is on hold, where the operator has configured mail. At
 * most one mail a hold: a process that dies between the note and the mail has sent none, and the page
 * says it anyway.
 */
import type { Ctx } from '../ctx'

const maxPerSweep = 50

export async function mailHolds(ctx: Ctx): Promise<number> {
  const { mailer } = ctx
  if (!mailer) return 0
  const due = await ctx.db.$queryRaw<{ claimId: string; slug: string; email: string }[]>`
    update keymint.runaway_holds h set mailed_at = keymint.now()
    from keymint.workshop_attendance c join keymint.attendees a on a.user_id = c.user_id
    where c.claim_id = h.claim_id and c.generation = h.generation and c.state = 'ready'
      and a.email is not null and h.id in (
        select id from keymint.runaway_holds where lifted_at is null and mailed_at is null
          and held_at > keymint.now() - interval '1 hour'
        order by held_at limit ${maxPerSweep}::int for update skip locked)
    returning h.claim_id as "claimId", c.workshop_slug as slug, a.email`
  let sent = 0
  for (const { claimId, slug, email } of due) {
    const title = ctx.workshops.workshops.get(slug)?.title ?? slug
    const accepted = await mailer.send({
      to: email,
      subject: `Your key is on hold: ${title}`,
      text:
        `Your key in the workshop “${title}” was spending so fast that its whole budget would have ` +
        'been gone within minutes. We put it on hold, and nothing of what is left is lost. Look at ' +
        'what your programs are doing. If it is what you want, press “Go on” on this page:\n\n' +
        `${ctx.deployment.appOrigin}/w/${slug}/claim\n\n` +
        'If you do not know who is using your key, replace it on the same page.\n',
    })
    if (accepted) sent++
    else ctx.log.warn({ claimId }, 'a mail about a key on hold was not accepted')
  }
  return sent
}

/**
 * One mail to each attendee that a statement has just marked as told. The mark comes first, so there
 * is at most one mail: a process that dies in between has sent none, and the page says it anyway.
 */
import type { Mailer } from '~/adapters/mail.server'
import type { Ctx } from '../ctx'

/** How many one pass of the sweep marks and tells at most. */
export const maxPerSweep = 50

export type Told = { id: string; slug: string; email: string }

/** Returns how many mails were accepted; one that was not is logged with the id of its row. */
export async function mailEach(
  ctx: Ctx,
  mailer: Mailer,
  due: readonly Told[],
  letter: (workshop: { title: string; page: string }) => { subject: string; text: string },
): Promise<number> {
  let sent = 0
  for (const { id, slug, email } of due) {
    const title = ctx.workshops.workshops.get(slug)?.title ?? slug
    const mail = letter({ title, page: `${ctx.deployment.appOrigin}/w/${slug}/claim` })
    if (await mailer.send({ to: email, ...mail })) sent++
    else ctx.log.warn({ id, subject: mail.subject }, 'a mail to an attendee was not accepted')
  }
  return sent
}

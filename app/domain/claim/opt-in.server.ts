/** A person's consent to be written to by the organizers of workshops. */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'

/** Opting in keeps its first time and workshop. */
export async function recordOptIn(tx: Tx, userId: string, workshopSlug: string): Promise<void> {
  const changed = await tx.$executeRaw`
    update keymint.attendees
      set marketing_opted_in = true, marketing_opted_in_at = coalesce(marketing_opted_in_at, now()),
      marketing_opted_in_workshop = coalesce(marketing_opted_in_workshop, ${workshopSlug})
    where user_id = ${userId} and not marketing_opted_in`
  if (changed === 1)
    await recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'marketing.opted-in',
      subject: `user:${userId}`,
      scope: workshopSlug,
    })
}

/**
 * Where a team's message goes, asked at every try. Guarantee: nobody is told anything of a team who
 * is not an active member of it at that moment, or who has been told to be left alone since.
 */
import type { Reach } from '../alerts/deliver.server'
import { teamOfAudience } from '../alerts/alert'
import { openHook } from './notice-hooks.server'
import { readReaders } from './notice-readers.server'
import { isForReader, type TeamFacts } from './notices'

export const userAddress = (userId: string) => `user:${userId}`
export const hookAddress = (id: string) => `hook:${id}`

export const reachTeam: Reach = async (ctx, { audience, channel, address, notice }) => {
  const teamId = teamOfAudience(audience)
  const at = address.indexOf(':')
  const [kind, id] = [address.slice(0, at), address.slice(at + 1)]
  if (teamId === null) return null
  if (channel !== 'mail') {
    const hook = kind === 'hook' ? await openHook(ctx, teamId, id, channel) : null
    return hook && { channel, address, hook }
  }
  const [reader] = kind === 'user' ? await readReaders(ctx.db, teamId, id) : []
  if (!reader || (notice !== null && !isForReader(notice.facts as TeamFacts, reader))) return null
  const person = await ctx.db.attendee.findUnique({
    where: { userId: id },
    select: { email: true },
  })
  return person?.email ? { channel, address: person.email } : null
}

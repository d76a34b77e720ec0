/** Who came for a key and got none, as a finding of a workshop. */
import type { AddToWorkshop, WorkshopFacts } from './judgement'

export const turnedAwayMinutes = 30

const ours = new Set(['full', 'paused', 'switched-off'])

// A person who may not claim is an answer; one who could have had a key is a loss.
export function addTurnedAway(add: AddToWorkshop, facts: WorkshopFacts): void {
  const full = facts.window !== 'closed' && facts.seatsLeft === 0 && !facts.poolPassed
  const count = facts.turnedAway.reduce((sum, one) => sum + one.count, 0)
  if (full && count === 0) add('ok', 'none', { code: 'full', seats: facts.seats })
  if (count === 0) return
  const lost = facts.turnedAway.some(({ reason }) => ours.has(reason))
  const isOpen = facts.window === 'open'
  add(lost && isOpen ? 'warning' : 'ok', lost && isOpen ? 'outside' : 'none', {
    code: 'turned-away',
    count,
    reasons: facts.turnedAway,
    full,
    minutes: turnedAwayMinutes,
  })
}

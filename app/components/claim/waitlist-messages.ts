/** Why somebody in line got no seat when it was their turn: for them, and for staff. */
import { isRefusedReason, notTakenMessages } from './claim-messages'

/** What the person reads. */
export function skippedMessage(reason: string): string {
  if (reason === 'already-claimed') return 'You had a key here already when it was your turn.'
  if (!isRefusedReason(reason)) return 'You could not have a key when it was your turn.'
  const { meaning, next } = notTakenMessages[reason]
  return `${meaning} ${next}`
}

/** For staff, beside the name. */
export function skippedLabel(reason: string): string {
  if (reason === 'already-claimed') return 'Had a key already'
  return isRefusedReason(reason) ? notTakenMessages[reason].title : 'Not allowed'
}

/** Each job of the catalog: what cancelling it means, and how fast many of them are retried. */
import type { JobName } from '~/adapters/job-catalog'

export type CancelMeans =
  /** The owner of the mint is refused with the reason, and what was reserved goes back. */
  | 'refuse-mint'
  /** The key stays unbound until a person requests it. */
  | 'leave-unbound'
  /** The schedule sends the next one anyway. */
  | 'skip-once'
  /** Nothing happens until a person requests it again. */
  | 'until-requested'
  /** It finishes work that has begun, and would be sent again. */
  | 'must-finish'
  /** Everything else depends on it. */
  | 'never'

type JobKind = {
  cancel: CancelMeans
  /** Jobs that a bulk retry lets run at once; the next ones follow five seconds later. */
  perStagger: number
}

const scheduled = { cancel: 'skip-once', perStagger: 20 } as const
const onRequest = { cancel: 'until-requested', perStagger: 20 } as const
const begun = { cancel: 'must-finish', perStagger: 20 } as const
const vital = { cancel: 'never', perStagger: 20 } as const

const kinds: Record<JobName, JobKind> = {
  'mint-key': { cancel: 'refuse-mint', perStagger: 20 },
  'mint-service-key': { cancel: 'refuse-mint', perStagger: 20 },
  'apply-key': begun,
  'stop-at-cap': begun,
  'read-account': scheduled,
  'read-account-facts': scheduled,
  'read-accounts': scheduled,
  // A hundred of them go in one call.
  'bind-guardrail': { cancel: 'leave-unbound', perStagger: 100 },
  'reconcile-check': scheduled,
  'reconcile-fix': begun,
  'reading-retention': scheduled,
  'keep-spares': scheduled,
  'make-receipt': onRequest,
  'deliver-alert': begun,
  doctor: onRequest,
  'chain-audit': vital,
  'make-backup': scheduled,
  retention: scheduled,
  sweep: vital,
  'bulk-action': begun,
  'roll-months': scheduled,
}

/** A dead letter is named after its job; it can go back, and has nothing left to cancel. */
export function jobKindOf(name: string): JobKind {
  const living = livingName(name)
  const kind = Object.hasOwn(kinds, living) ? kinds[living as JobName] : vital
  return living === name ? kind : { ...kind, cancel: 'never' }
}

export const livingName = (name: string) => name.replace(/-dead$/, '')

export const canCancel = (name: string) =>
  jobKindOf(name).cancel !== 'never' && jobKindOf(name).cancel !== 'must-finish'

/** The jobs that make a key at a provider: their calls are on record. */
export const isMintJob = (name: string) =>
  ['mint-key', 'mint-service-key'].includes(livingName(name))

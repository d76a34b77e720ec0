/** Sentences of the reconcile page. The compiler finds a kind of drift without one. */
import type { DriftKind } from '~/domain/keys/drift'
import type { ReconcileView, RunRow } from '~/domain/staff/reconcile-page.server'

export const driftMessages: Record<DriftKind, { title: string; meaning: string }> = {
  'guardrail-differs': {
    title: 'Guardrails that differ from their file',
    meaning: 'The models or the budget at the provider do not match the workshop’s file.',
  },
  orphan: {
    title: 'Orphans',
    meaning: 'Keys that we created and no row holds. The name of an attempt proves they are ours.',
  },
  unbound: {
    title: 'Unbound keys',
    meaning: 'Live keys without a guardrail, or whose row does not show their guardrail.',
  },
  disabled: {
    title: 'Disabled or enabled against our rows',
    meaning: 'The provider lets a key spend that should not, or refuses one that may.',
  },
  'wrong-limit': {
    title: 'Limits that differ',
    meaning: 'The limit of a key at the provider is not the one that was reserved for it.',
  },
  'wrong-expiry': {
    title: 'Ends that differ',
    meaning: 'The end of a key at the provider cannot be changed. The key can only be replaced.',
  },
  dangling: {
    title: 'Keys that are gone',
    meaning: 'A row holds a key that the provider does not know. Each was requested by itself.',
  },
  unexplained: {
    title: 'Unexplained keys',
    meaning:
      'They have this installation’s id, but no attempt of ours has their name. Keymint does not touch them.',
  },
}

export const countLabel = (number: number, noun: string) =>
  `${number} ${noun}${number === 1 ? '' : 's'}`

/** What is open after a check, and what can be done about it. */
export function openMessage({ open, fixable }: NonNullable<ReconcileView['check']>): string {
  if (open === 0) return 'Every finding is resolved. Check again to confirm.'
  const found = `${countLabel(open, 'difference')} ${open === 1 ? 'is' : 'are'} open.`
  return fixable === 0
    ? `${found} Keymint cannot repair any of them; each row says what a person can do.`
    : `${found} Keymint can repair ${fixable}; each row says what the repair does, and nothing else changes.`
}

/** Who requested a run. */
export function requesterLabel({ actor, actorName }: Pick<RunRow, 'actor' | 'actorName'>): string {
  if (actor === 'worker') return 'the schedule'
  return actor === 'operator' ? 'the command line' : (actorName ?? 'an erased person')
}

export function outcomeLabel(run: RunRow): string {
  if (run.kind === 'check') {
    if (run.state === 'failed') return `failed: ${run.error ?? 'no reason given'}`
    return run.total === 0 ? 'everything agreed' : `${run.total} found`
  }
  const parts = [
    `${run.fixed} repaired`,
    ...(run.failed > 0 ? [`${run.failed} not repaired`] : []),
    ...(run.moot > 0 ? [`${run.moot} obsolete`] : []),
  ]
  return `${parts.join(', ')}${run.error ? `. ${run.error}` : ''}`
}

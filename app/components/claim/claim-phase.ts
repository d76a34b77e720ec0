/** A claim's phase, and what the page says in it: headline, announcement and document title. */
import type { ClaimView } from '~/domain/claim/view-types'
import type { DelayReason } from '~/domain/keys/mint-policy'
import { endMessages, refusalMessages, stepLabels } from './claim-messages'
import { delayMessages } from './delay-messages'

export type Phase =
  | 'queued'
  | 'working'
  | 'delayed'
  | 'no-worker'
  | 'limits'
  | 'replacing'
  | 'ready'
  | 'spent'
  | 'held'
  | 'dead-upstream'
  | 'ended'
  | 'refused'

/** The one state that decides the page's headline, its announcement and its title. */
export function phaseOf(view: ClaimView): Phase {
  if (view.state === 'ended') return 'ended'
  if (view.state === 'refused') return 'refused'
  if (view.state === 'ready' && view.key) {
    // Also once it is disabled: nobody asks the organiser for what one did oneself.
    if (view.replacing === 're-issue') return 'replacing'
    if (view.key.hold && !view.key.disabledByOrganiser && !view.key.missingUpstream) return 'held'
    if (view.key.disabled || view.key.missingUpstream) return 'dead-upstream'
    if (!view.key.revealable) return 'limits'
    return view.key.left && view.key.left.usd <= 0 ? 'spent' : 'ready'
  }
  if (view.waiting?.delay) return 'delayed'
  if (view.waiting && !view.waiting.workerSeen) return 'no-worker'
  return view.steps.some((step) => step.name !== 'queued' && step.state === 'now')
    ? 'working'
    : 'queued'
}

const delayHeadlines: Record<DelayReason, string> = {
  'rate-limited': 'This takes a little longer',
  'no-credit': 'Waiting for the organiser',
  unauthorized: 'Waiting for the organiser',
  forbidden: 'Waiting for the organiser',
  'no-workspace': 'Waiting for the organiser',
  unreachable: 'Waiting for the provider',
  'upstream-trouble': 'This takes a little longer',
  paused: 'Paused by the organiser',
  'switched-off': 'New keys are disabled',
  'former-key': 'Replacing your key',
}

/** The page's h1. */
export function headline(view: ClaimView): string {
  switch (phaseOf(view)) {
    case 'queued':
      return 'You’re in line'
    case 'working':
      return 'Making your key'
    case 'delayed':
      return delayHeadlines[view.waiting?.delay?.reason ?? 'upstream-trouble']
    case 'no-worker':
      return 'Your place is saved'
    case 'limits':
      return 'Almost there'
    case 'ready':
      return view.isReplacement ? 'Your new key is ready' : 'Your key is ready'
    case 'replacing':
      return 'Your new key is on its way'
    case 'spent':
      return 'Your key is spent'
    case 'held':
      return view.key?.hold?.state === 'resuming'
        ? 'Your key is starting again'
        : 'Your key is on hold'
    case 'dead-upstream':
      return 'Your key is disabled'
    case 'ended':
      return endMessages[view.end?.reason ?? 'expired'].title
    case 'refused':
      return refusalMessages[view.refusal?.reason ?? 'gave-up'].title
  }
}

/**
 * What the status region says when the step changes: never a number that changes with each poll.
 */
export function announcement(view: ClaimView): string {
  const current = view.steps.find((step) => step.state === 'now' || step.state === 'problem')
  const phase = phaseOf(view)
  if (phase === 'working' && current) return `${stepLabels[current.name]}.`
  if (phase === 'delayed' && view.waiting?.delay)
    return `${headline(view)}. ${delayMessages[view.waiting.delay.reason].title}.`
  return `${headline(view)}.`
}

const titleStarts: Record<Phase, string> = {
  queued: 'Queued',
  working: 'Working',
  delayed: 'Delayed',
  'no-worker': 'Waiting',
  limits: 'Almost ready',
  replacing: 'Replacing',
  ready: 'Ready',
  spent: 'Spent',
  held: 'On hold',
  'dead-upstream': 'Disabled',
  ended: 'Ended',
  refused: 'No key',
}

export function documentTitle(view: ClaimView, workshopTitle: string): string {
  return `${titleStarts[phaseOf(view)]} – ${workshopTitle} · Keymint`
}

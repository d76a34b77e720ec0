/** How the queue is, in one sentence. */
import { parkedMessage } from '~/messages/parked'
import type { HealthView } from './view-types'

export function healthMessage({ finding, gate, recent }: HealthView): string {
  switch (finding.code) {
    case 'no-worker':
      return finding.quietSeconds === null
        ? 'No worker has ever reported. No job runs until one starts.'
        : `No worker has reported for ${spanLabel(finding.quietSeconds)}. No job runs until one starts.`
    case 'switched-off':
      return 'Key creation is disabled by PROVISIONING_ENABLED.'
    case 'paused':
      return gate.kind === 'paused'
        ? `Key creation is paused${gate.by ? ` by ${gate.by}` : ''}: ${gate.reason ?? 'no reason given'}`
        : 'Key creation is paused.'
    case 'parked':
      return gate.kind === 'parked'
        ? `${parkedMessage(gate.reason).title}.`
        : 'The provider account is parked.'
    case 'cooling-down':
      return gate.kind === 'cooling-down' ? coolingMessage(gate) : 'Key creation is cooling down.'
    case 'runs-fail':
      return `${recent.errors} of ${recent.runs} runs in the last five minutes failed.`
    case 'workers-behind':
      return `A due job has waited for ${spanLabel(finding.seconds)}: the workers cannot keep up.`
    case 'long-wait':
      return `The oldest due job has waited for ${spanLabel(finding.seconds)}.`
    case 'well':
      return 'Jobs run without delay.'
  }
}

/** How many calls that make keys go out at once, and why so many. */
export function callsMessage({ atOnce, perSecond, why, refused, of }: HealthView['calls']): string {
  const number =
    perSecond === null ? `${atOnce} at once` : `${atOnce} at once and ${perSecond} a second`
  const answers = `the provider refused ${refused} of the last ${of} calls`
  switch (why) {
    case 'ceiling':
      return refused === 0
        ? `${number}, as many as MINT_CONCURRENCY allows.`
        : `${number}, as many as MINT_CONCURRENCY allows: ${answers}.`
    case 'no-limit-met':
      return of === 0
        ? `${number} to begin with: no call was made yet.`
        : `${number}, and rising while people wait: ${answers}.`
    case 'refused':
      return `${number}: ${answers}.`
  }
}

function coolingMessage({
  message,
  seconds,
}: Extract<HealthView['gate'], { kind: 'cooling-down' }>): string {
  const next =
    seconds > 0
      ? `Key creation is cooling down for another ${spanLabel(seconds)}, then tries one key.`
      : 'One key is being tried now.'
  return `${message.replace(/[.\s]*$/, '.')} ${next}`
}

function spanLabel(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

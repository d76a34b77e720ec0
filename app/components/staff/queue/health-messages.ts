/** How the queue is, in one sentence: the one judgement of the engine. */
import { ownHeadline } from '~/messages/health'
import type { HealthView } from './view-types'

export const healthMessage = ({ finding }: HealthView): string =>
  finding && finding.severity !== 'ok' ? ownHeadline(finding) : 'Jobs run without delay.'

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

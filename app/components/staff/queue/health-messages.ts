/** How the queue is, in one sentence: the one judgement of the engine. */
import { ownHeadline } from '~/messages/health'
import type { HealthView } from './view-types'

export const healthMessage = ({ finding }: HealthView): string =>
  finding && finding.severity !== 'ok' ? ownHeadline(finding) : 'Jobs run without delay.'

/** Adds the sentences of errors to the queue's page: they are made where errors are grouped. */
import type { QueuePageView } from '~/components/staff/queue/view-types'
import { errorGroupTitle, errorSentence } from '~/domain/error-text'
import type { QueuePage } from '~/domain/staff/queue/types'

export function queueView(page: QueuePage): QueuePageView {
  const { gate, ...health } = page.health
  return {
    ...page,
    errors: page.errors.map((group) => ({ ...group, title: errorGroupTitle(group) })),
    health: { ...health, gate: gateView(gate) },
  }
}

function gateView(gate: QueuePage['health']['gate']): QueuePageView['health']['gate'] {
  if (gate.kind !== 'cooling-down') return gate
  const { cause, ...rest } = gate
  return { ...rest, message: errorSentence(cause) }
}

/** The queue's page as its components get it: the domain's, with the sentences of its errors. */
import type { ErrorGroup, GateView, Health, QueuePage } from '~/domain/staff/queue/types'

type CoolingDown = Extract<GateView, { kind: 'cooling-down' }>

export type ErrorGroupView = ErrorGroup & { title: string }
export type HealthView = Omit<Health, 'gate'> & {
  gate: Exclude<GateView, CoolingDown> | (Omit<CoolingDown, 'cause'> & { message: string })
}
export type QueuePageView = Omit<QueuePage, 'errors' | 'health'> & {
  errors: ErrorGroupView[]
  health: HealthView
}

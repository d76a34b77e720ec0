import type { JobBatchHandler } from './job-handler'
import { bindKeys } from '~/domain/bind/bind.server'

/** Attaches a batch of keys to their guardrails; every job of the batch has its own outcome. */
export const bindGuardrail: JobBatchHandler<'bind-guardrail'> = async (ctx, payloads) => {
  const outcomes = await bindKeys(ctx, payloads.map((payload) => payload.mintId))
  return payloads.map(({ mintId }) => (outcomes.get(mintId) === 'again' ? { kind: 'retry', reason: 'still unbound' } : { kind: 'done' }))
}

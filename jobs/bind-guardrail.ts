import type { JobOutcome } from '~/domain/job-outcome'
import type { JobBatchHandler } from './job-handler'
import { bindKeys } from '~/domain/keys/bind.server'

/** Assigns a batch of keys to their guardrails; every job of the batch has its own outcome. */
export const bindGuardrail: JobBatchHandler<'bind-guardrail'> = async (ctx, payloads) => {
  const results = await bindKeys(
    ctx,
    payloads.map((payload) => payload.mintId),
  )
  return payloads.map(({ mintId }): JobOutcome => {
    const { outcome, error } = results.get(mintId) ?? { outcome: 'again', error: null }
    const because = error ? { error } : {}
    return outcome === 'again'
      ? { kind: 'retry', reason: 'still unbound', ...because }
      : { kind: 'done', ...because }
  })
}

/** A ctx whose account at OpenRouter answers differently where a test says so. */
import type { ServiceAdapter } from '~/adapters/service-adapter'
import type { Ctx } from '~/domain/ctx'

export function withService(
  ctx: Ctx,
  change: (real: ServiceAdapter) => Partial<ServiceAdapter>,
): Ctx {
  const real = ctx.services.get('openrouter')
  if (!real) throw new Error('this world has no OpenRouter')
  return {
    ...ctx,
    services: new Map([...ctx.services, ['openrouter', { ...real, ...change(real) }]]),
  }
}

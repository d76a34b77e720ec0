/**
 * Every service whose credentials a team can deposit. A new adapter is registered here and nowhere
 * else.
 */
import { createLiteLlm } from './litellm.server'
import { createOpenRouterService } from './openrouter-service.server'
import { createOutbound } from './outbound.server'
import type { ServiceAdapter, Services } from './service-adapter'

export function createServices(config: {
  openRouterBaseUrl: string
  allowPrivateAddresses: boolean
}): Services {
  const outbound = createOutbound({ allowPrivate: config.allowPrivateAddresses })
  const adapters: ServiceAdapter[] = [
    createOpenRouterService({ baseUrl: config.openRouterBaseUrl }),
    createLiteLlm({ outbound }),
  ]
  return new Map(adapters.map((adapter) => [adapter.service, adapter]))
}

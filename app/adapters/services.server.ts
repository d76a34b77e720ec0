/** The services whose credentials a team can deposit. A new adapter is registered only here. */
import { createLiteLlm } from './litellm.server'
import { createOpenRouterService } from './openrouter-service.server'
import { createOutbound } from './outbound.server'
import type { ServiceAdapter, Services } from './service-adapter'

/** `allowPrivateAddresses` lets a team name a proxy in a private network, over http as well. */
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

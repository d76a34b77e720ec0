/** The services whose credentials a team can deposit. A new adapter is registered only here. */
import { createLiteLlm } from './litellm.server'
import { createOpenRouterService } from './openrouter-service.server'
import { createOutbound, type OutboundRules } from './outbound.server'
import type { KeyProvider } from './key-provider'
import { createOpenRouter } from './openrouter.server'
import { createRunPod } from './runpod.server'
import { createS3 } from './s3.server'
import type { ServiceAdapter, Services } from './service-adapter'

/** `outbound` says which private networks a team's proxy may be in, and what is never called. */
export function createServices(config: {
  openRouterBaseUrl: string
  /** The deployment's own account: measured, and bound to its workspace. */
  deployment?: { secret: string; provider: KeyProvider }
  outbound: OutboundRules
}): Services {
  const { deployment } = config
  const outbound = createOutbound(config.outbound)
  const adapters: ServiceAdapter[] = [
    createOpenRouterService({
      baseUrl: config.openRouterBaseUrl,
      ...(deployment
        ? {
            open: (secret) =>
              secret === deployment.secret
                ? deployment.provider
                : createOpenRouter({ baseUrl: config.openRouterBaseUrl, managementKey: secret }),
          }
        : {}),
    }),
    createLiteLlm({ outbound }),
    createRunPod({ outbound }),
    createS3({ outbound }),
  ]
  return new Map(adapters.map((adapter) => [adapter.service, adapter]))
}

/** The services whose credentials a team can deposit. A new adapter is registered only here. */
import { createLiteLlm } from './litellm.server'
import { createOpenRouterService } from './openrouter-service.server'
import { createOutbound } from './outbound.server'
import type { KeyProvider } from './key-provider'
import { createOpenRouter } from './openrouter.server'
import { createRunPod } from './runpod.server'
import { createS3 } from './s3.server'
import type { ServiceAdapter, Services } from './service-adapter'

/** `allowPrivateAddresses` lets a team name a proxy in a private network, over http as well. */
export function createServices(config: {
  openRouterBaseUrl: string
  /** The deployment's own account: measured, and bound to its workspace. */
  deployment?: { secret: string; provider: KeyProvider }
  allowPrivateAddresses: boolean
}): Services {
  const { deployment } = config
  const outbound = createOutbound({ allowPrivate: config.allowPrivateAddresses })
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

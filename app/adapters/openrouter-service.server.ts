/**
 * OpenRouter as a team's service: the owner's management key makes the sub-keys. Models are limited
 * by guardrails, one for each distinct list, which keys are assigned to after they exist (decision
 * 071).
 */
import type { NanoUsd } from '~/money'
import type { KeyProvider, UpstreamKey } from './key-provider'
import { ModelsError, readPublicModels } from './openrouter-models.server'
import { createOpenRouter } from './openrouter.server'
import { isProviderError, ProviderError } from './provider-error'
import {
  maskOf,
  refuseUndeclared,
  type ServiceAdapter,
  type ServiceCapabilities,
  type ServiceCredential,
  type ServiceKey,
  type ServiceReset,
} from './service-adapter'

const title = 'OpenRouter'
const capabilities: ServiceCapabilities = {
  capBy: 'service',
  expiryBy: 'service',
  resets: ['daily', 'weekly', 'monthly'],
  modelList: 'guardrail',
  rotation: true,
  keepsTotal: true,
  end: 'disable',
  readEverySeconds: null,
  settleSeconds: 0,
  fields: [{ name: 'secret', label: 'OpenRouter credential', kind: 'secret', required: true }],
  options: [],
  texts: {
    noun: 'key',
    gets: 'A key for models at OpenRouter.',
    atCap: 'The provider stops the key at its cap.',
    remains: null,
    remained: null,
  },
  unit: 'usd',
}
/** No key has this hash. Asking for it is the cheapest call that only a management key may make. */
const unknownHash = '0'.repeat(64)

/** The service behind any OpenRouter account; the management key comes with each call. */
export function createOpenRouterService({
  baseUrl,
  open = (secret) => createOpenRouter({ baseUrl, managementKey: secret }),
  now = () => new Date(),
}: {
  baseUrl: string
  /** The client of one management key; the deployment's own is measured and bound to its workspace. */
  open?: (secret: string) => KeyProvider
  now?: () => Date
}): ServiceAdapter {
  const at = ({ secret }: ServiceCredential): KeyProvider => open(secret)
  return {
    service: 'openrouter',
    title,
    capabilities,
    async verifyCredential(credential) {
      if (credential.baseUrl !== null) return { ok: false, problem: { code: 'address-not-used' } }
      try {
        await at(credential).findKey(unknownHash)
        return { ok: true, label: maskOf(credential.secret) }
      } catch (error) {
        if (!isProviderError(error)) throw error
        return { ok: false, problem: { code: 'provider-error', details: error.details } }
      }
    },
    async createKey(credential, key) {
      refuseUndeclared({ title, capabilities }, key, now())
      const { hash, label, plaintext, made } = await at(credential).createKey({
        name: key.name,
        limit: key.cap,
        limitReset: key.reset,
        expiresAt: key.expiresAt,
      })
      const { limit, limitReset, ...rest } = made
      return {
        id: hash,
        label,
        plaintext,
        made: {
          ...rest,
          ...(limit === undefined ? {} : { cap: limit }),
          ...(limitReset === undefined ? {} : { reset: limitReset }),
        },
      }
    },
    async changeKey(credential, id, { disabled, limit, reset }) {
      const key = keyFrom(
        await at(credential).updateKey(id, {
          ...(disabled === undefined ? {} : { disabled }),
          ...(limit === undefined ? {} : { limit }),
          ...(reset === undefined ? {} : { limitReset: reset }),
        }),
      )
      const shown =
        (disabled === undefined || key.disabled === disabled) &&
        (limit === undefined || (key.cap === limit && key.includeByok !== false)) &&
        (reset === undefined || key.reset === reset)
      if (!shown)
        throw new ProviderError({
          call: 'PATCH /keys/{hash}',
          kind: 'ambiguous',
          reason: 'unreadable-answer',
        })
      return key
    },
    deleteKey: (credential, id) => at(credential).deleteKey(id),
    async *listKeys(credential, options) {
      for await (const page of at(credential).listKeyPages(options))
        yield { keys: page.keys.map(keyFrom), unreadable: page.unreadable }
    },
    async findKey(credential, id) {
      const key = await at(credential).findKey(id)
      return key && keyFrom(key)
    },
    async readBalance(credential) {
      const { bought, used } = await at(credential).readCredits()
      return bought - used
    },
    async listModelSpend(credential, id) {
      const rows = await at(credential).listActivity({ keyHash: id })
      return rows.map(({ date, model, usage, requests }) => ({
        day: date.slice(0, 10),
        model,
        usage,
        requests,
      }))
    },
    guardrails: at,
    models: {
      isPublic: true,
      async list() {
        try {
          return (await readPublicModels(baseUrl)).map(({ canonicalSlug, ...model }) => ({
            id: model.id,
            canonicalId: canonicalSlug,
            promptPerMillion: model.promptPerMillion,
            completionPerMillion: model.completionPerMillion,
          }))
        } catch (error) {
          if (!(error instanceof ModelsError)) throw error
          throw new ProviderError({
            call: 'GET /models',
            kind: 'retryable',
            reason: 'unreachable',
            providerMessage: error.message,
          })
        }
      },
    },
  }
}

function keyFrom(key: UpstreamKey): ServiceKey {
  return {
    id: key.hash,
    name: key.name,
    label: key.label,
    cap: key.limit,
    reset: resetFrom(key.limitReset),
    includeByok: key.includeByok,
    usage: key.usage,
    usageBy: key.usageBy,
    usedInWindow: usedInWindow(key),
    windowEndsAt: null,
    disabled: key.disabled,
    createdAt: key.createdAt,
    expiresAt: key.expiresAt,
  }
}

/** By the counter of the window, which counts own provider keys too; else by what is left of the cap. */
function usedInWindow(key: UpstreamKey): NanoUsd {
  const reset = resetFrom(key.limitReset)
  const counted = reset === null ? key.usage : key.usageBy[reset]
  if (counted !== null) return counted
  if (key.limit === null || key.limitRemaining === null) return key.usage
  return key.limit > key.limitRemaining ? key.limit - key.limitRemaining : 0n
}

const resetFrom = (text: string | null): ServiceReset | null =>
  capabilities.resets.find((reset) => reset === text) ?? null

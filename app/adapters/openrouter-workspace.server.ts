/**
 * The workspace that keys and guardrails are made in: the one that is set, or the account's default
 * one. Once it was deleted, OpenRouter refuses each request that belongs there with a 400, as it
 * refuses a request that is wrong in itself.
 */
import type { OpenRouterCore } from '@openrouter/sdk/core.js'
import { apiKeysList } from '@openrouter/sdk/funcs/apiKeysList.js'
import { workspacesGet } from '@openrouter/sdk/funcs/workspacesGet.js'
import { unwrap } from './openrouter-answers.server'
import { isNotFound, isProviderError, ProviderError } from './provider-error'

type Options = { retries: { strategy: 'none' }; timeoutMs: number }
type Scope = { workspaceId?: string }

/** False once the workspace is gone. The list of keys names nothing else that could be refused. */
export async function isWorkspaceThere(
  client: OpenRouterCore,
  { workspaceId }: Scope,
  options: Options,
): Promise<boolean> {
  try {
    if (workspaceId === undefined)
      await unwrap('GET /keys', apiKeysList(client, { offset: 0 }, options), () => undefined)
    else
      await unwrap(
        'GET /workspaces/{id}',
        workspacesGet(client, { id: workspaceId }, options),
        () => undefined,
      )
    return true
  } catch (error) {
    if (workspaceId !== undefined && isNotFound(error)) return false
    if (isProviderError(error) && error.details.reason === 'bad-request') return false
    throw error
  }
}

/** What refuses a list: it names nothing but the workspace. */
export function listError(error: unknown): unknown {
  return isProviderError(error) && error.details.reason === 'bad-request'
    ? new ProviderError({ ...error.details, kind: 'retryable', reason: 'no-workspace' })
    : error
}

/**
 * What made a request fail that belongs to a workspace: the workspace, where the provider says so or
 * refuses to list it as well; else the error as it is. Such a request is worth another try, and
 * nobody loses a claim over it.
 */
export async function withWorkspaceCause(
  error: ProviderError,
  client: OpenRouterCore,
  scope: Scope,
  options: Options,
): Promise<ProviderError> {
  const { details } = error
  if (details.kind !== 'rejected' || details.reason === 'list-too-large') return error
  const isGone =
    /workspace/i.test(details.providerMessage ?? '') ||
    !(await isWorkspaceThere(client, scope, options).catch(() => true))
  return isGone
    ? new ProviderError({ ...details, kind: 'retryable', reason: 'no-workspace' })
    : error
}

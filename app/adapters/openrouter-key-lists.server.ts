/**
 * The list of keys of one account, page by page. One key that cannot be read leaves the others
 * readable; an account whose every key cannot be read has changed its answer.
 */
import type { OpenRouterCore } from '@openrouter/sdk/core.js'
import { apiKeysList } from '@openrouter/sdk/funcs/apiKeysList.js'
import type { KeyProvider } from './key-provider'
import type { Log } from './log.server'
import { answerOf, pageSize, providerErrorFrom } from './openrouter-answers.server'
import { rawItems, rawKeySchema, readKey, type KeyPage } from './openrouter-mapping.server'
import { listError } from './openrouter-workspace.server'
import { ProviderError } from './provider-error'

const unreadable = () =>
  new ProviderError({ call: 'GET /keys', kind: 'ambiguous', reason: 'unreadable-answer' })

export function keyPages(
  client: OpenRouterCore,
  workspace: { workspaceId?: string },
  options: { retries: { strategy: 'none' }; timeoutMs: number },
  log: Pick<Log, 'warn'> | undefined,
): KeyProvider['listKeyPages'] {
  /** The SDK refuses a page for one unreadable key: its items are then read one by one. */
  async function keyPage(offset: number): Promise<KeyPage> {
    const result = await answerOf(
      apiKeysList(client, { offset, includeDisabled: true, ...workspace }, options),
    )
    if (result.ok)
      return { keys: result.value.data.flatMap(readKey), length: result.value.data.length }
    const items = rawItems(result.error)
    if (!items) throw listError(providerErrorFrom('GET /keys', result.error))
    return {
      keys: items.flatMap((item) => rawKeySchema.safeParse(item).data ?? []).flatMap(readKey),
      length: items.length,
    }
  }
  return async function* ({ signal } = {}) {
    let listed = 0
    let read = 0
    let strange = 0
    let before: string | undefined
    for (let offset = 0; ; offset += pageSize) {
      signal?.throwIfAborted()
      const { keys, length } = await keyPage(offset)
      listed += length
      read += keys.length
      strange = length > 0 && keys.length === 0 ? strange + 1 : 0
      const first = keys[0]?.hash
      // A page that stands twice is an upstream that ignores `offset`.
      if (strange > 1 || (first !== undefined && first === before)) throw unreadable()
      before = first
      yield { keys, unreadable: length - keys.length }
      if (length < pageSize) break
    }
    // Every key strange is not a strange key: the provider has changed its answer.
    if (listed > 0 && read === 0) throw unreadable()
    if (listed > read)
      log?.warn({ unread: listed - read, listed }, 'keys in the list could not be read')
    // New keys shift the pages while they are read: those that came meanwhile stand on the first.
    if (listed >= pageSize) yield { keys: (await keyPage(0)).keys, unreadable: 0 }
  }
}

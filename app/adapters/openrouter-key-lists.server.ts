/**
 * The list of keys of one account, page by page. One key that cannot be read leaves the others
 * readable; an account whose every key cannot be read has changed its answer.
 */
import type { OpenRouterCore } from '@openrouter/sdk/core.js'
import { apiKeysList } from '@openrouter/sdk/funcs/apiKeysList.js'
import type { KeyProvider, UpstreamKey } from './key-provider'
import type { Log } from './log.server'
import { answerOf, eachPage, pageSize, providerErrorFrom } from './openrouter-answers.server'
import { rawItems, rawKeySchema, readKey, type KeyPage } from './openrouter-mapping.server'
import { ProviderError } from './provider-error'

const unreadable = () =>
  new ProviderError({ call: 'GET /keys', kind: 'ambiguous', reason: 'unreadable-answer' })

export function keyLists(
  client: OpenRouterCore,
  workspace: { workspaceId?: string },
  options: { retries: { strategy: 'none' }; timeoutMs: number },
  log: Pick<Log, 'warn'> | undefined,
): Pick<KeyProvider, 'listKeys' | 'listKeyPages'> {
  /** The SDK refuses a page for one unreadable key: its items are then read one by one. */
  async function keyPage(offset: number): Promise<KeyPage> {
    const result = await answerOf(
      apiKeysList(client, { offset, includeDisabled: true, ...workspace }, options),
    )
    if (result.ok)
      return { keys: result.value.data.flatMap(readKey), length: result.value.data.length }
    const items = rawItems(result.error)
    if (!items) throw providerErrorFrom('GET /keys', result.error)
    return {
      keys: items.flatMap((item) => rawKeySchema.safeParse(item).data ?? []).flatMap(readKey),
      length: items.length,
    }
  }
  return {
    async *listKeyPages({ signal } = {}) {
      let listed = 0
      let read = 0
      for (let offset = 0; ; offset += pageSize) {
        signal?.throwIfAborted()
        const page = await keyPage(offset)
        listed += page.length
        read += page.keys.length
        // Every key strange is not a strange key: the provider has changed its answer.
        if (page.length > 0 && page.keys.length === 0 && read === 0) throw unreadable()
        yield { keys: page.keys, unreadable: page.length - page.keys.length }
        if (page.length < pageSize) break
      }
      // New keys shift the pages while they are read: those that came meanwhile stand on the first.
      if (listed >= pageSize) {
        const first = await keyPage(0)
        yield { keys: first.keys, unreadable: 0 }
      }
    },
    async listKeys() {
      const byHash = new Map<string, UpstreamKey>()
      let listed = 0
      let unread = 0
      let strange = 0
      const take = ({ keys, length }: KeyPage) => {
        for (const key of keys) byHash.set(key.hash, key)
        unread += length - keys.length
        listed += length
      }
      const takePage = async (offset: number) => {
        const page = await keyPage(offset)
        const known = byHash.size
        take(page)
        strange = page.keys.length === 0 ? strange + 1 : 0
        // However many keys there are; a full page without a new one is an upstream that ignores
        // `offset`, unless it is the one page of which nothing could be read.
        if (page.length === pageSize && byHash.size === known && strange !== 1) throw unreadable()
        return page.length
      }
      await eachPage('GET /keys', takePage, pageSize, Number.POSITIVE_INFINITY)
      // When no key can be read, the provider has changed its answer.
      if (listed > 0 && byHash.size === 0) throw unreadable()
      if (listed >= pageSize) for (const key of (await keyPage(0)).keys) byHash.set(key.hash, key)
      if (unread > 0)
        log?.warn({ unread, listed }, 'keys in the list could not be read and are left out')
      return [...byHash.values()]
    },
  }
}

/**
 * Fair turns between provider accounts. Guarantee: however many accounts are slow, others find a free
 * slot. Each account has a turn or two of its own; one that lets us wait shares a few with all other
 * slow ones, until it has been quick for five minutes.
 */
import type { Tx } from '~/adapters/db.server'
import type { ServiceAdapter, ServiceGuardrails } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { deploymentAccount } from './accounts.server'

/** A provider answers within a second; a call that takes longer than this holds a slot that others need. */
const slowCallMs = 4_000
const slowSeconds = 300
/** All slow accounts together have so many groups. */
const slowGroups = 3

const slowGroupOf = (account: string) =>
  `slow-${Number.parseInt(account.slice(0, 8), 16) % slowGroups}`

/** The group whose turns a job of this account takes. */
export async function turnOf(tx: Tx, account: string): Promise<string> {
  if (account === deploymentAccount) return account
  const [row] = await tx.$queryRaw<{ slow: boolean }[]>`
    select coalesce(slow_until > keymint.now(), false) as slow from keymint.accounts where id = ${account}::uuid`
  return row?.slow ? slowGroupOf(account) : account
}

/** Of the deployment's own keys, twice as many may change at once. */
export const applyTurnOf = async (tx: Tx, key: { id: string; account: string }): Promise<string> =>
  key.account === deploymentAccount
    ? `${key.account}/${Number.parseInt(key.id.slice(0, 2), 16) % 2}`
    : turnOf(tx, key.account)

/** Every call of the adapter is timed: a slow one moves the account's jobs to the turns of slow ones. */
export function timed(ctx: Ctx, account: string, adapter: ServiceAdapter): ServiceAdapter {
  if (account === deploymentAccount) return adapter
  const measure = async <T>(call: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    try {
      return await call()
    } finally {
      if (performance.now() - startedAt > slowCallMs) await noteSlow(ctx, account)
    }
  }
  const guardrails = adapter.guardrails?.bind(adapter)
  const { models } = adapter
  return {
    service: adapter.service,
    title: adapter.title,
    capabilities: adapter.capabilities,
    verifyCredential: (...asked) => adapter.verifyCredential(...asked),
    createKey: (...asked) => measure(() => adapter.createKey(...asked)),
    changeKey: (...asked) => measure(() => adapter.changeKey(...asked)),
    deleteKey: (...asked) => measure(() => adapter.deleteKey(...asked)),
    findKey: (...asked) => measure(() => adapter.findKey(...asked)),
    ...(adapter.readBalance ? { readBalance: adapter.readBalance.bind(adapter) } : {}),
    ...(adapter.listModelSpend ? { listModelSpend: adapter.listModelSpend.bind(adapter) } : {}),
    ...(guardrails
      ? { guardrails: (credential) => timedGuardrails(guardrails(credential), measure) }
      : {}),
    ...(models
      ? {
          models: {
            isPublic: models.isPublic,
            list: (credential) => measure(() => models.list(credential)),
          },
        }
      : {}),
    ...(adapter.show ? { show: adapter.show.bind(adapter) } : {}),
    async *listKeys(credential, options) {
      const pages = adapter.listKeys(credential, options)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const page = await measure(() => pages.next())
          if (page.done) return
          yield page.value
        }
      } finally {
        await pages.return?.()
      }
    },
  }
}

type Measure = <T>(call: () => Promise<T>) => Promise<T>

const timedGuardrails = (calls: ServiceGuardrails, measure: Measure): ServiceGuardrails => ({
  listGuardrails: () => measure(() => calls.listGuardrails()),
  createGuardrail: (rules) => measure(() => calls.createGuardrail(rules)),
  updateGuardrail: (id, rules) => measure(() => calls.updateGuardrail(id, rules)),
  assignKeys: (id, hashes) => measure(() => calls.assignKeys(id, hashes)),
  unassignKeys: (id, hashes) => measure(() => calls.unassignKeys(id, hashes)),
  listAssignedHashes: (id) => measure(() => calls.listAssignedHashes(id)),
})

/** Jobs that wait already move too. Jobs are hints: failing to move them fails nothing. */
async function noteSlow(ctx: Ctx, account: string): Promise<void> {
  try {
    const noted = await ctx.db.$executeRaw`
      update keymint.accounts set slow_until = keymint.now() + make_interval(secs => ${slowSeconds}::int)
      where id = ${account}::uuid
        and coalesce(slow_until < keymint.now() + make_interval(secs => ${slowSeconds - 60}::int), true)`
    if (noted === 1)
      await ctx.db.$executeRaw`
        update pgboss.job set group_id = ${slowGroupOf(account)}
        where name in ('mint-service-key', 'apply-key', 'read-account') and group_id = ${account}
          and state in ('created', 'retry')`
  } catch (error) {
    ctx.log.warn({ error, account }, 'an account could not be noted as slow')
  }
}

/**
 * Prisma's adapter with named statements. A name can stop to hold on a connection: a migration
 * changed what the statement returns (0A000), or a pooler handed the session to somebody else
 * (26000, 42P05). Then the text goes without a name from there on; outside a transaction it is run
 * again at once, inside one the whole transaction is (withRetries).
 */
import type { PrismaPg } from '@prisma/adapter-pg'
import type { StatementNames } from './statement-names'

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>
type Runner = Pick<Adapter, 'queryRaw' | 'executeRaw'>

/** The same factory, whose connections forget a name that no longer holds. */
export function forgettingNames(factory: PrismaPg, names: StatementNames): PrismaPg {
  return change(factory, {
    connect: async () => {
      const adapter = await factory.connect()
      return change(adapter, {
        ...runsOf(adapter, names, { retries: true }),
        startTransaction: async (...level: Parameters<Adapter['startTransaction']>) => {
          const tx = await adapter.startTransaction(...level)
          return change(tx, runsOf(tx, names, { retries: false }))
        },
      })
    },
  })
}

function runsOf(runner: Runner, names: StatementNames, { retries }: { retries: boolean }): Runner {
  const guarded =
    <Query extends { sql: string }, Result>(run: (query: Query) => Promise<Result>) =>
    async (query: Query): Promise<Result> => {
      try {
        return await run(query)
      } catch (error) {
        if (!isLostName(error)) throw error
        names.abandon(query.sql)
        if (!retries) throw error
        return run(query)
      }
    }
  return {
    queryRaw: guarded((query: Parameters<Runner['queryRaw']>[0]) => runner.queryRaw(query)),
    executeRaw: guarded((query: Parameters<Runner['executeRaw']>[0]) => runner.executeRaw(query)),
  }
}

/** By Postgres's code, wherever the layer above keeps it. */
export function isLostName(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { cause } = error
  const codes = [error, cause].flatMap((from) =>
    typeof from === 'object' && from !== null
      ? ['code', 'originalCode'].map((name) => String(Reflect.get(from, name)))
      : [],
  )
  return (
    codes.some((code) => /^(0A000|26000|42P05)$/.test(code)) ||
    /cached plan must not change result type|prepared statement "[^"]*" (does not exist|already exists)/.test(
      error.message,
    )
  )
}

function change<Target extends object>(target: Target, changes: Partial<Target>): Target {
  return new Proxy(target, {
    get(from, name) {
      if (name in changes) return Reflect.get(changes, name) as unknown
      const value: unknown = Reflect.get(from, name, from)
      return typeof value === 'function' ? (value.bind(from) as unknown) : value
    },
  })
}

/** Whether this deployment can serve people now, for /readyz: database, migrations, a worker. */
import type { Ctx } from '../ctx'
import { isWorkerSeen } from '../worker-seen.server'

export type Readiness = {
  ready: boolean
  database: boolean
  migrated: boolean
  workerSeenSecondsAgo: number | null
}

const timeoutMs = 500

/** Answers within half a second, also when the database does not. */
export async function readiness(ctx: Ctx): Promise<Readiness> {
  const down: Readiness = {
    ready: false,
    database: false,
    migrated: false,
    workerSeenSecondsAgo: null,
  }
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<Readiness>((resolve) => {
    timer = setTimeout(() => resolve(down), timeoutMs)
  })
  const answer = Promise.race([read(ctx).catch(() => down), timeout])
  return answer.finally(() => clearTimeout(timer))
}

async function read(ctx: Ctx): Promise<Readiness> {
  const [row] = await ctx.db.$queryRaw<{ applied: number; quiet: number | null }[]>`
    select (select count(*) from keymint._prisma_migrations where finished_at is not null
      and rolled_back_at is null and migration_name = any(${ctx.migrations}))::int as applied,
      (select extract(epoch from now() - max(last_seen_at))::int from keymint.workers
        where gone_at is null) as quiet`
  const migrated = row?.applied === ctx.migrations.length
  const quiet = row?.quiet ?? null
  return {
    ready: migrated && isWorkerSeen(quiet),
    database: true,
    migrated,
    workerSeenSecondsAgo: quiet,
  }
}

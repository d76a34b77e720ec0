/** How the queue is: the one judgement of the engine, with the facts behind it. */
import type { Ctx } from '../../ctx'
import { readEngine } from '../../operations/engine.server'
import { engineHealth } from '../../operations/judgement.server'
import { deploymentAccount } from '../../keys/accounts.server'
import { paceFrom, paceView } from '../../keys/pace'
import type { Health } from './types'

export async function readHealth(ctx: Ctx): Promise<Health> {
  const [engine, account] = await Promise.all([
    readEngine(ctx),
    ctx.db.account.findUnique({ where: { id: deploymentAccount }, select: { pace: true } }),
  ])
  const { severity, reasons } = engineHealth(engine)
  const { gate, recent, oldestWaiting, workers, workerSeenSecondsAgo } = engine
  return {
    tone: severity,
    finding: reasons[0] ?? null,
    gate,
    pausedQueues: engine.facts.pausedQueues.map(({ stakes: _stakes, ...queue }) => queue),
    calls: paceView(paceFrom(account?.pace), ctx.mintConcurrency),
    recent,
    oldestWaiting,
    workers,
    workerSeenSecondsAgo,
  }
}

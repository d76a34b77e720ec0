/** How the queue is: the one judgement of the engine, with the facts behind it. */
import type { Ctx } from '../../ctx'
import { readEngine } from '../../operations/engine.server'
import { engineHealth } from '../../operations/judgement.server'
import type { Health } from './types'

export async function readHealth(ctx: Ctx): Promise<Health> {
  const engine = await readEngine(ctx)
  const { severity, reasons } = engineHealth(engine)
  const { gate, recent, oldestWaiting, workers, workerSeenSecondsAgo } = engine
  return {
    tone: severity,
    finding: reasons[0] ?? null,
    gate,
    recent,
    oldestWaiting,
    workers,
    workerSeenSecondsAgo,
  }
}

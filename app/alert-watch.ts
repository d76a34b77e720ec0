/**
 * The web process judges too, and delivers while no worker does: that no worker is left must not
 * stay unsaid because nobody is there to say it.
 */
import type { Ctx } from './domain/ctx'
import { deliverDue } from './domain/alerts/deliver.server'
import { isAnyWorkerSeen, watchAlerts, watchSeconds } from './domain/operations/alert-watch.server'
import { reachTeam } from './domain/team/notice-reach.server'
import { alertPost } from './messages/alert-posts'

/** `everyMs` is for tests. A round that fails is logged, and the next one tries again. */
export function startAlertWatch(
  ctx: Ctx,
  everyMs = watchSeconds * 1_000,
): { stop(): Promise<void> } {
  let round = Promise.resolve()
  let running = false
  const look = async () => {
    await watchAlerts(ctx)
    if (!(await isAnyWorkerSeen(ctx)))
      await deliverDue(ctx, {
        compose: (message) => alertPost(message, ctx.deployment.appOrigin),
        reach: reachTeam,
      })
  }
  const timer = setInterval(() => {
    if (running) return
    running = true
    round = look()
      .catch((error: unknown) => ctx.log.warn({ error }, 'alerts could not be judged'))
      .finally(() => (running = false))
  }, everyMs)
  return {
    stop: () => {
      clearInterval(timer)
      return round
    },
  }
}

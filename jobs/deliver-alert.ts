import { deliver } from '~/domain/alerts/deliver.server'
import { reachTeam } from '~/domain/team/notice-reach.server'
import { alertPost } from '~/messages/alert-posts'
import type { JobHandler } from './job-handler'

/** Sends one message about an alert. */
export const deliverAlertJob: JobHandler<'deliver-alert'> = (ctx, { deliveryId }) =>
  deliver(ctx, deliveryId, {
    compose: (message) => alertPost(message, ctx.deployment.appOrigin),
    reach: reachTeam,
  })

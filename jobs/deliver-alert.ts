import { deliver } from '~/domain/alerts/deliver.server'
import { alertPost } from '~/messages/alert-posts'
import type { JobHandler } from './job-handler'

/** Sends one message about an alert. */
export const deliverAlertJob: JobHandler<'deliver-alert'> = (ctx, { deliveryId }) =>
  deliver(ctx, deliveryId, (message) => alertPost(message, ctx.deployment.appOrigin))

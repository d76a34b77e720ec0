/** Alerts of a world that go to a receiver of its own. */
import { createAlerts, type AlertsConfig } from '~/adapters/alert-channels.server'
import { createOutbound } from '~/adapters/outbound.server'
import { openReceiver } from './receiver'
import { thisMachine } from './this-machine'
import type { World } from './world'

export const alertSecret = 'the-secret-of-the-alert-webhook-1'

export const alertsTo = (url: string | null, change: Partial<AlertsConfig> = {}) =>
  createAlerts(
    {
      webhook: url === null ? null : { url: `${url}/hook`, secrets: [alertSecret] },
      slackUrl: null,
      mailTo: [],
      quietHours: null,
      appOrigin: 'https://keys.example.org',
      ...change,
    },
    createOutbound({ networks: thisMachine }),
    null,
  )

/** A receiver to which this world's alerts go. */
export async function receiveAlerts(world: World, change: Partial<AlertsConfig> = {}) {
  const receiver = await openReceiver()
  world.onClose(receiver.close)
  world.ctx.alerts = alertsTo(receiver.url, change)
  return receiver
}

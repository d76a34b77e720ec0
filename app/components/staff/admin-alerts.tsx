import type { AdminAlert } from '~/domain/operations/alerts.server'
import { alertMessage } from '~/messages/alerts'
import { Callout } from '../base/callout'
import { Ago } from '../base/time'
import { adminWorkshopUrl, reconcileUrl } from '~/urls'

/** Alerts on every staff page; nothing at all while there are none. */
export function AdminAlerts({ alerts, asOf }: { alerts: AdminAlert[]; asOf: string }) {
  if (alerts.length === 0) return null
  return (
    <section aria-label="Alerts" className="mt-6 space-y-3">
      {alerts.map((alert) => {
        const { title, sentence, remedy } = alertMessage(alert)
        return (
          <Callout
            key={`${alert.kind} ${alert.workshop?.slug ?? ''}`}
            tone={alert.severity}
            title={title}
          >
            <p>
              {sentence}
              {remedy ? ` ${remedy}` : null}
              {alert.asOf ? (
                <span className="text-soft">
                  {' '}
                  As of{' '}
                  <time dateTime={alert.asOf} title={alert.asOf}>
                    <Ago iso={alert.asOf} asOf={asOf} />
                  </time>
                  .
                </span>
              ) : null}
            </p>
            {alert.workshop ? (
              <p>
                <a className="prose-link" href={adminWorkshopUrl(alert.workshop.slug)}>
                  Claims of this workshop
                </a>
              </p>
            ) : null}
            {alert.kind === 'drift' ? (
              <p>
                <a className="prose-link" href={reconcileUrl}>
                  View the differences
                </a>
              </p>
            ) : null}
          </Callout>
        )
      })}
    </section>
  )
}

import type { AdminAlert } from '~/domain/operations/alerts.server'
import { Callout } from '../base/callout'
import { Ago } from '../base/time'
import { adminWorkshopUrl, reconcileUrl } from '../../urls'

/**
 * What staff should not miss. Renders nothing when there is no alert.
 */
export function AdminAlerts({ alerts, asOf }: { alerts: AdminAlert[]; asOf: string }) {
  if (alerts.length === 0) return null
  return (
    <section aria-label="Alerts" className="mt-6 space-y-3">
      {alerts.map((alert) => (
        <Callout
          key={`${alert.kind} ${alert.workshopSlug ?? ''} ${alert.title}`}
          tone={alert.tone}
          title={alert.title}
        >
          <p>
            {alert.words}
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
          {alert.workshopSlug ? (
            <p>
              <a className="prose-link" href={adminWorkshopUrl(alert.workshopSlug)}>
                View its claims
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
      ))}
    </section>
  )
}

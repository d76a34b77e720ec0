import { isBanner, type Finding } from '~/domain/operations/judgement'
import { alertMessage } from '~/messages/alerts'
import { Callout } from '../base/callout'
import { Ago } from '../base/time'
import { adminWorkshopUrl, reconcileUrl } from '~/urls'

/** Alerts on every staff page; nothing at all while there are none. */
export function AdminAlerts({ alerts, asOf }: { alerts: Finding[]; asOf: string }) {
  const banners = alerts.filter(isBanner)
  if (banners.length === 0) return null
  return (
    <section aria-label="Alerts" className="mt-6 space-y-3">
      {banners.map((alert) => {
        const { title, sentence, remedy } = alertMessage(alert)
        return (
          <Callout
            key={`${alert.code} ${alert.workshop?.slug ?? ''}`}
            tone={alert.severity === 'ok' ? 'plain' : alert.severity}
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
            {alert.code === 'drift' ? (
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

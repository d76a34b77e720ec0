import type { AdminAlert } from '~/domain/operations/alerts.server'
import { Callout } from '../base/callout'
import { Ago } from '../base/time'

/**
 * What staff should not miss, on every page of theirs. Nothing at all when there is nothing to say.
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
              <a className="prose-link" href={`/admin/w/${alert.workshopSlug}`}>
                Claims of this workshop
              </a>
            </p>
          ) : null}
          {alert.kind === 'drift' ? (
            <p>
              <a className="prose-link" href="/admin/reconcile">
                See what differs
              </a>
            </p>
          ) : null}
        </Callout>
      ))}
    </section>
  )
}

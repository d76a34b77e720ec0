/** The page of /admin/alerts: what is open, who is told, what was sent and what came back. */
import type { AlertsView, OpenAlert } from '~/domain/alerts/read.server'
import { openAlertText } from '~/messages/alert-posts'
import { notFailed, sentAgain } from '~/messages/delivery-retry'
import { counted } from '~/messages/text'
import { Callout } from '../base/callout'
import { EmptyState, Section } from '../base/page-shell'
import { Ago } from '../base/time'
import { AdminShell } from './admin-shell'
import { AlertChannels } from './alert-channels'
import { AlertDeliveries } from './alert-deliveries'
import { severityLabels } from './alert-messages'
import { LiveBar } from './live-line'

export type AlertsDone =
  | { kind: 'retrying' }
  | { kind: 'not-failed' }
  | { kind: 'not-configured' }
  | { kind: 'test-sent'; deliveryId: string | null }

type Props = { view: AlertsView; mayAct: boolean; done: AlertsDone | null }

/** Faster while something is on its way. */
const liveEveryMs = { sending: 1_000, idle: 10_000 }

export function AlertsPage({ view, mayAct, done }: Props) {
  const { asOf, open, channels, failed, deliveries, quietHours } = view
  const moving = deliveries.some(({ state }) => state === 'waiting')
  return (
    <AdminShell
      title={headline(open)}
      lead="Keymint tells you once for each subject and threshold, and again when the cause is gone."
    >
      <div className="mt-3">
        <LiveBar asOf={asOf} everyMs={moving ? liveEveryMs.sending : liveEveryMs.idle} />
      </div>
      <div className="mt-6 max-w-read space-y-4" role="status">
        {done ? <Answer view={view} done={done} /> : null}
      </div>
      {failed > 0 ? (
        <div className="mt-6 max-w-read">
          <Callout tone="error" title={`${counted(failed, 'message')} could not be delivered`}>
            <p>
              The answers below say why. Remove the cause, then retry; the receiver gets the same
              delivery id.
            </p>
          </Callout>
        </div>
      ) : null}
      {open.length > 0 ? (
        <ul className="mt-6 max-w-read space-y-3">
          {open.map((alert) => (
            <li key={alert.id}>
              <OpenAlertBox alert={alert} asOf={asOf} />
            </li>
          ))}
        </ul>
      ) : null}
      <Section title="Who is told" id="channels">
        <AlertChannels channels={channels} mayAct={mayAct} asOf={asOf} />
        {quietHours ? (
          <p className="mt-4 max-w-read">
            Quiet hours are {quietHours.text}.{' '}
            {quietHours.now
              ? 'It is quiet now: only errors are sent.'
              : 'Only errors are sent then.'}{' '}
            A digest tells the rest afterwards.
          </p>
        ) : (
          <p className="mt-4 max-w-read text-soft">
            There are no quiet hours. Set <code className="font-mono">ALERT_QUIET_HOURS</code>, as
            in <code className="font-mono">22:00-07:00 Europe/Berlin</code>, to hold back all but
            errors.
          </p>
        )}
      </Section>
      <Section title="What was sent" id="sent">
        {deliveries.length === 0 ? (
          <EmptyState title="Nothing yet">
            <p>
              {channels.length === 0
                ? 'Alerts are recorded above, and nobody is told until a channel is set.'
                : 'The first message about an alert, or a test, appears here with its answer.'}
            </p>
          </EmptyState>
        ) : (
          <AlertDeliveries deliveries={deliveries} mayAct={mayAct} asOf={asOf} />
        )}
      </Section>
    </AdminShell>
  )
}

function headline(open: OpenAlert[]): string {
  const wrong = open.filter(({ severity }) => severity !== 'ok').length
  return wrong === 0
    ? 'Alerts: nothing is wrong'
    : `Alerts: ${wrong} ${wrong === 1 ? 'is' : 'are'} open`
}

function OpenAlertBox({ alert, asOf }: { alert: OpenAlert; asOf: string }) {
  const { title, text, nextStep, path } = openAlertText(alert)
  return (
    <Callout
      tone={alert.severity === 'ok' ? 'plain' : alert.severity}
      title={`${severityLabels[alert.severity]}: ${title}`}
    >
      <p className="[overflow-wrap:anywhere]">{nextStep ? `${text} ${nextStep}` : text}</p>
      <p className="text-soft">
        Since <Ago iso={alert.openedAt} asOf={asOf} />.{' '}
        {alert.goneAt === null
          ? ''
          : 'The cause is gone; it counts as resolved once it has stayed away for a while. '}
        <a className="prose-link" href={path}>
          {path.startsWith('/admin/w/') ? 'Claims of this workshop' : 'Open the page about it'}
        </a>
      </p>
    </Callout>
  )
}

const answers = {
  retrying: sentAgain,
  'not-failed': notFailed,
  'not-configured': {
    tone: 'warning',
    title: 'Nothing was sent: this channel is not configured',
    next: 'The environment has changed since this page was loaded. The channels below are current.',
  },
} as const

function Answer({ view, done }: { view: AlertsView; done: AlertsDone }) {
  if (done.kind !== 'test-sent') {
    const { tone, title, next } = answers[done.kind]
    return (
      <Callout tone={tone} title={title}>
        <p>{next}</p>
      </Callout>
    )
  }
  const test = view.deliveries.find(({ id }) => id === done.deliveryId)
  if (test?.state === 'sent')
    return (
      <Callout tone="ok" title={`The test reached ${test.place}`}>
        <p>Check that somebody sees it there.</p>
      </Callout>
    )
  if (test?.reason)
    return (
      <Callout tone="error" title={`The test did not reach ${test.place}`}>
        <p>
          Its answer stands below.{' '}
          {test.state === 'waiting' ? 'Retrying automatically.' : 'Remove the cause, then retry.'}
        </p>
      </Callout>
    )
  return (
    <Callout tone="plain" title="The test is on its way">
      <p>Its answer appears here within seconds, or within half a minute where no worker runs.</p>
    </Callout>
  )
}

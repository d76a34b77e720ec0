import { Form, useNavigation } from '@remix-run/react'
import type { DeliveryView } from '~/domain/alerts/read.server'
import { messageText } from '~/messages/alert-posts'
import { Button } from '../base/button'
import { Table } from '../base/table'
import { Ago, Time } from '../base/time'
import { answerLine, channelLabels, stateOf } from './alert-messages'

type Props = { deliveries: DeliveryView[]; mayAct: boolean; asOf: string }

/** The newest messages, each with the receiver's answer. On a phone each is a block. */
export function AlertDeliveries({ deliveries, mayAct, asOf }: Props) {
  return (
    <>
      <Table
        label="Messages that were sent, newest first"
        stacked
        className="sm:min-w-[52rem]"
        rows={deliveries}
        rowKey={(row) => row.id}
        columns={[
          {
            head: 'Message',
            header: true,
            className: '!font-normal min-w-64 py-2 !whitespace-normal [overflow-wrap:anywhere]',
            cell: (row) => <What row={row} asOf={asOf} />,
          },
          {
            head: 'To',
            className: 'min-w-40 py-2 [overflow-wrap:anywhere]',
            cell: (row) => (
              <>
                {channelLabels[row.channel]}
                <span className="block text-soft">{row.place}</span>
              </>
            ),
          },
          {
            head: 'Answer',
            className: 'min-w-56 py-2 [overflow-wrap:anywhere]',
            cell: (row) => <Outcome row={row} asOf={asOf} />,
          },
          mayAct ? { head: 'Action', className: 'py-2', cell: (row) => <Retry row={row} /> } : null,
        ]}
      />
      <p className="mt-2 text-small text-soft">
        {deliveries.length === 1
          ? 'One message is shown.'
          : `The newest ${deliveries.length} are shown.`}{' '}
        Keymint keeps them for 90 days.
      </p>
    </>
  )
}

function What({ row, asOf }: { row: DeliveryView; asOf: string }) {
  return (
    <>
      <span className="font-semibold">{messageText(row).title}</span>
      <span className="block text-soft">
        <Time iso={row.createdAt} now={asOf} />
      </span>
      <span className="block font-mono text-small text-soft">{row.id}</span>
    </>
  )
}

const inks = { ok: 'text-mint-ink', warning: 'text-amber-ink', error: 'text-brick-ink', plain: '' }

function Outcome({ row, asOf }: { row: DeliveryView; asOf: string }) {
  const { label, tone } = stateOf(row)
  const line = answerLine(row)
  return (
    <>
      <span className={inks[tone]}>{label}</span>
      {row.tries > 1 ? <span className="text-soft"> after {row.tries} tries</span> : null}
      {line ? <span className="block">{line}.</span> : null}
      {row.answeredAt ? (
        <span className="block text-soft">
          <Ago iso={row.answeredAt} asOf={asOf} />
        </span>
      ) : null}
      {row.state === 'waiting' && row.reason !== null && !row.sending ? (
        <span className="block text-soft">
          Next try <Time iso={row.nextAt} now={asOf} />
        </span>
      ) : null}
      {row.answer ? (
        <details>
          <summary className="cursor-pointer text-small text-soft">What it said</summary>
          <pre className="mt-1 max-h-40 overflow-auto font-mono text-small whitespace-pre-wrap">
            {row.answer}
          </pre>
        </details>
      ) : null}
    </>
  )
}

function Retry({ row }: { row: DeliveryView }) {
  const { formData } = useNavigation()
  if (row.state !== 'failed') return null
  return (
    <Form method="post" preventScrollReset>
      <input type="hidden" name="id" value={row.id} />
      <Button
        type="submit"
        name="intent"
        value="retry"
        busy={formData?.get('id') === row.id}
        busyText="Retrying…"
        aria-label={`Retry: ${messageText(row).title}`}
      >
        Retry
      </Button>
    </Form>
  )
}

import { Form, useNavigation } from '@remix-run/react'
import type { ChannelView } from '~/domain/alerts/read.server'
import { Button } from '../base/button'
import { EmptyState } from '../base/page-shell'
import { Ago } from '../base/time'
import { answerLine, channelLabels, channelVariables, stateOf } from './alert-messages'

/** Each receiver with what it answered last, and a test. Without any: what to set. */
export function AlertChannels({
  channels,
  mayAct,
  asOf,
}: {
  channels: ChannelView[]
  mayAct: boolean
  asOf: string
}) {
  if (channels.length === 0) return <NoChannel />
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {channels.map((channel) => (
        <li
          key={`${channel.channel} ${channel.address}`}
          className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3"
        >
          <Receiver channel={channel} asOf={asOf} />
          {mayAct ? <TestButton channel={channel} /> : null}
        </li>
      ))}
    </ul>
  )
}

function Receiver({ channel, asOf }: { channel: ChannelView; asOf: string }) {
  const { last } = channel
  return (
    <div className="min-w-0">
      <p className="[overflow-wrap:anywhere]">
        <strong>{channelLabels[channel.channel]}</strong> {channel.place}
      </p>
      <p className="text-small text-soft">
        {last ? (
          <>
            Last message {stateOf(last).label.toLowerCase()},{' '}
            <Ago iso={last.answeredAt ?? last.createdAt} asOf={asOf} />
            {last.answeredAt === null ? '' : `. ${answerLine(last) ?? ''}`}.
          </>
        ) : (
          'Nothing was sent to it yet. Send a test.'
        )}
      </p>
    </div>
  )
}

function TestButton({ channel: { channel, address, place } }: { channel: ChannelView }) {
  const { formData } = useNavigation()
  const busy =
    formData?.get('intent') === 'test' &&
    formData.get('channel') === channel &&
    formData.get('address') === address
  return (
    <Form method="post" preventScrollReset>
      <input type="hidden" name="channel" value={channel} />
      <input type="hidden" name="address" value={address} />
      <Button
        type="submit"
        name="intent"
        value="test"
        busy={busy}
        busyText="Sending…"
        aria-label={`Send a test: ${channelLabels[channel]} ${place}`}
      >
        Send a test
      </Button>
    </Form>
  )
}

function NoChannel() {
  return (
    <EmptyState title="Nobody is told yet">
      <p>Set one or more of these in the environment of web and worker, then restart both:</p>
      <ul className="mt-3 space-y-2">
        {channelVariables.map(({ channel, variables, gives }) => (
          <li key={channel} className="[overflow-wrap:anywhere]">
            {variables.map((name, index) => (
              <span key={name}>
                {index > 0 ? ' and ' : null}
                <code className="font-mono text-small text-ink">{name}</code>
              </span>
            ))}
            : {gives}
          </li>
        ))}
      </ul>
      <p className="mt-3">
        docs/alerts.md describes them, and how a receiver checks the signature.
      </p>
    </EmptyState>
  )
}

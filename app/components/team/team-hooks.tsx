import { Form, useNavigation } from '@remix-run/react'
import type { HookView } from '~/domain/team/notice-page.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { CopyButton } from '../base/copy-button'
import { Field } from '../base/field'
import { Time } from '../base/time'
import { hookLabels } from './notification-messages'

type Channel = HookView['channel']
const channels: Channel[] = ['webhook', 'slack']

/** A secret that is in this answer and in no other one. */
export function NewSecret({ secret }: { secret: string }) {
  return (
    <Callout tone="ok" title="The webhook is added. Copy its secret now">
      <p>
        It is not shown again. If you lose it, remove the webhook and add it again. It signs every
        message: the header <code className="font-mono text-small">Keymint-Signature</code> is{' '}
        <code className="font-mono text-small [overflow-wrap:anywhere]">
          t=&lt;seconds&gt;,v1=&lt;hex&gt;
        </code>
        , where the hex is the HMAC-SHA256 of the seconds, a dot and the raw body, under this
        secret.
      </p>
      <p className="mt-2 flex flex-wrap items-center gap-3">
        <code id="webhook-secret" className="font-mono text-small [overflow-wrap:anywhere]">
          {secret}
        </code>
        <CopyButton text={secret} label="the secret" targetId="webhook-secret" />
      </p>
    </Callout>
  )
}

/** The webhooks of the team, for its owners: one of each kind, with a test. */
export function TeamHooks({
  hooks,
  closed,
  problem,
  asOf,
}: {
  hooks: HookView[]
  closed: boolean
  problem: { channel: Channel; message: string } | null
  asOf: string
}) {
  return (
    <div className="max-w-read space-y-6">
      <p>They get all notifications of the team, about every member.</p>
      {channels.map((channel) => {
        const hook = hooks.find((one) => one.channel === channel)
        return (
          <section key={channel} className="rounded-box border border-rule bg-raised p-4">
            <h3 className="font-semibold">{hookLabels[channel].title}</h3>
            {hook ? (
              <Hook hook={hook} closed={closed} asOf={asOf} />
            ) : closed ? (
              <p className="text-soft">There is none.</p>
            ) : (
              <AddHook
                channel={channel}
                problem={problem?.channel === channel ? problem.message : null}
              />
            )}
          </section>
        )
      })}
    </div>
  )
}

function Hook({ hook, closed, asOf }: { hook: HookView; closed: boolean; asOf: string }) {
  const { formData } = useNavigation()
  const { title } = hookLabels[hook.channel]
  const busy = (intent: string) =>
    formData?.get('intent') === intent && formData.get('id') === hook.id
  return (
    <>
      <p className="mt-1 [overflow-wrap:anywhere]">
        {hook.host}
        <span className="block text-small text-soft">
          Added by {hook.by}, <Time iso={hook.createdAt} now={asOf} />.
        </span>
      </p>
      {hook.ended ? (
        <p className="mt-2 font-semibold text-amber-ink">
          Nothing is sent to it: {hook.by} is no longer an owner. Remove it, and add it again.
        </p>
      ) : null}
      <Form method="post" preventScrollReset className="mt-3 flex flex-wrap gap-3">
        <input type="hidden" name="id" value={hook.id} />
        {hook.ended || closed ? null : (
          <Button
            type="submit"
            name="intent"
            value="test-webhook"
            busy={busy('test-webhook')}
            busyText="Sending…"
            aria-label={`Send a test: ${title} ${hook.host}`}
          >
            Send a test
          </Button>
        )}
        <Button
          type="submit"
          name="intent"
          value="remove-webhook"
          busy={busy('remove-webhook')}
          busyText="Removing…"
          aria-label={`Remove: ${title} ${hook.host}`}
        >
          Remove
        </Button>
      </Form>
    </>
  )
}

/** What was typed is not shown again: the address is a secret. */
function AddHook({ channel, problem }: { channel: Channel; problem: string | null }) {
  const { address, gives, add } = hookLabels[channel]
  return (
    <>
      <p className="mt-1 text-small text-soft">{gives}</p>
      <Form method="post" preventScrollReset className="mt-3 space-y-3">
        <input type="hidden" name="channel" value={channel} />
        <Field
          label={address}
          name="url"
          required
          autoComplete="off"
          {...(problem === null ? {} : { error: problem })}
        />
        <Button type="submit" name="intent" value="add-webhook">
          {add}
        </Button>
      </Form>
    </>
  )
}

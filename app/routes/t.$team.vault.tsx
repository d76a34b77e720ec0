import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData } from '@remix-run/react'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Field, SecretField } from '~/components/base/field'
import { EmptyState, Section } from '~/components/base/page-shell'
import { delayWords } from '~/components/team/sub-key-words'
import { TeamShell } from '~/components/team/team-shell'
import { teamUrl } from '~/urls'
import { Ago, Time } from '~/components/base/time'
import { teamScope } from '~/domain/money/member-lock.server'
import {
  depositKey,
  disableKey,
  enableKey,
  listMasterKeys,
  replaceKey,
  verifyKey,
} from '~/domain/vault/vault.server'
import { listServiceChoices, type ServiceChoice } from '~/domain/team/team-view.server'
import { handler, notFound } from '~/web/handler.server'
import { frameOf, intentOf, requireOwner } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  const rows = await listMasterKeys(args.ctx, team.teamId)
  const iso = (at: Date | null) => at?.toISOString() ?? null
  const masterKeys = rows.map((row) => ({
    ...row,
    verifiedAt: row.verifiedAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    replacedAt: iso(row.replacedAt),
    disabledAt: iso(row.disabledAt),
  }))
  const done = new URL(args.request.url).searchParams.get('done')
  return {
    team: frameOf(team),
    masterKeys,
    services: listServiceChoices(args.ctx),
    done: done !== null && done in doneWords ? (done as Done) : null,
    asOf: args.ctx.now().toISOString(),
  }
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  const { ctx } = args
  const form = await args.request.formData()
  const text = (name: string) => {
    const value = form.get(name)
    return typeof value === 'string' ? value : ''
  }
  const by = { teamId: team.teamId, scope: teamScope(team.slug), userId: viewer.userId }
  const credential = { secret: text('secret'), baseUrl: text('baseUrl').trim() || null }
  const back = (done: Done) => redirect(`${teamUrl(team.slug, 'vault')}?done=${done}`, 303)
  // What was typed is not given back: a credential is in no answer of ours.
  const refuse = (about: string, words: string) =>
    data({ about, words }, { status: 422, headers: { 'Cache-Control': 'no-store' } })
  if (form.get('intent') === 'deposit') {
    const outcome = await depositKey(ctx, { ...by, service: text('service'), ...credential })
    return outcome.kind === 'deposited' ? back('deposited') : refuse(text('service'), outcome.words)
  }
  const masterKeyId = text('id')
  if (!/^[0-9a-f-]{36}$/i.test(masterKeyId)) throw new Response('bad-request', { status: 400 })
  switch (intentOf(form)) {
    case 'replace': {
      const outcome = await replaceKey(ctx, { ...by, masterKeyId, ...credential })
      if (outcome === null) throw notFound()
      return outcome.kind === 'replaced' ? back('replaced') : refuse(masterKeyId, outcome.words)
    }
    case 'verify': {
      const verdict = await verifyKey(ctx, { teamId: team.teamId, masterKeyId })
      if (verdict === null) throw notFound()
      return verdict.ok ? back('verified') : refuse(masterKeyId, verdict.words)
    }
    case 'disable':
      await disableKey(ctx, { ...by, masterKeyId })
      return back('disabled')
    case 'enable':
      await enableKey(ctx, { ...by, masterKeyId })
      return back('enabled')
    default:
      throw new Response('bad-request', { status: 400 })
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Vault · ${data?.team.name ?? 'Team'} · Keymint` },
]

const doneWords = {
  deposited: 'The credential is verified and sealed. Members can make keys with it now.',
  replaced: 'The new credential is in its place. Keys made with the old one go on.',
  verified: 'The provider accepts the credential.',
  disabled: 'Nothing new is made with it from now on. Keys that exist keep working.',
  enabled: 'Keys can be made with it again.',
}
type Done = keyof typeof doneWords

export default function Vault() {
  const { team, masterKeys, services, done, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <TeamShell
      team={team}
      title="The vault."
      lead="Master keys of the team: what its members’ keys are made with. They are sealed when they arrive and shown to nobody again, not even to you."
    >
      {done && !answer ? (
        <div role="status" className="mt-6 max-w-read">
          <Callout tone="ok" title={doneWords[done]} />
        </div>
      ) : null}
      <Section title="Master keys" id="master-keys">
        {masterKeys.length === 0 ? (
          <EmptyState title="The vault is empty.">
            <p>Put a credential in below. Until then nobody can make a key.</p>
          </EmptyState>
        ) : (
          <ul className="max-w-read divide-y divide-rule border-y border-rule">
            {masterKeys.map((row) => (
              <li key={row.id} className="space-y-3 py-5" aria-label={`${row.title} ${row.label}`}>
                <p className="text-lead font-semibold">
                  {row.title} <span className="font-mono text-body font-normal">{row.label}</span>
                  {row.state === 'disabled' ? (
                    <span className="text-amber-ink"> (switched off)</span>
                  ) : null}
                </p>
                <p className="text-small text-soft">
                  {row.baseUrl ? `${row.baseUrl}. ` : ''}Put in by {row.createdBy}{' '}
                  <Time iso={row.createdAt} now={asOf} />
                  {row.replacedAt ? (
                    <>
                      , replaced <Time iso={row.replacedAt} now={asOf} />
                    </>
                  ) : null}
                  . Verified <Ago iso={row.verifiedAt} asOf={asOf} />.{' '}
                  {row.keys === 1 ? 'One key' : `${row.keys} keys`} made with it still{' '}
                  {row.keys === 1 ? 'exists' : 'exist'} at the provider.
                </p>
                {row.failure ? (
                  <Callout tone="warning" title="No key is made with it just now.">
                    <p>{delayWords[row.failure.reason] ?? delayWords['upstream-trouble']}</p>
                  </Callout>
                ) : null}
                {answer?.about === row.id ? (
                  <div role="alert">
                    <Callout tone="warning" title="That did not work.">
                      <p>{answer.words}</p>
                    </Callout>
                  </div>
                ) : null}
                <div className="flex flex-wrap items-start gap-3">
                  <Form method="post">
                    <input type="hidden" name="id" value={row.id} />
                    <Button type="submit" name="intent" value="verify">
                      Verify again
                    </Button>
                  </Form>
                  <Form method="post">
                    <input type="hidden" name="id" value={row.id} />
                    <Button
                      type="submit"
                      name="intent"
                      value={row.state === 'active' ? 'disable' : 'enable'}
                    >
                      {row.state === 'active' ? 'Switch off' : 'Switch on'}
                    </Button>
                  </Form>
                </div>
                <details>
                  <summary className="inline-flex min-h-11 items-center prose-link">
                    Replace it
                  </summary>
                  <Form method="post" className="mt-2 max-w-[28rem] space-y-4">
                    <p>
                      By another credential of the same account, so that the keys made with this one
                      can still be read, capped and deleted.
                    </p>
                    <input type="hidden" name="id" value={row.id} />
                    {services.find((one) => one.service === row.service)?.ownAddress ? (
                      <Field
                        label="Address"
                        name="baseUrl"
                        required
                        defaultValue={row.baseUrl ?? ''}
                      />
                    ) : null}
                    <SecretField label="New credential" name="secret" />
                    <Button type="submit" name="intent" value="replace">
                      Replace the credential
                    </Button>
                  </Form>
                </details>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Put a credential in" id="deposit">
        <div className="max-w-[34rem] space-y-2">
          {services.map((service, index) => (
            <Deposit
              key={service.service}
              service={service}
              open={
                answer?.about === service.service ||
                (answer === undefined && masterKeys.length === 0 && index === 0)
              }
              words={answer?.about === service.service ? answer.words : null}
            />
          ))}
        </div>
      </Section>
    </TeamShell>
  )
}

function Deposit({
  service,
  open,
  words,
}: {
  service: ServiceChoice
  open: boolean
  words: string | null
}) {
  return (
    <details open={open || undefined}>
      <summary className="inline-flex min-h-11 items-center prose-link">{service.title}</summary>
      <Form method="post" className="mt-2 space-y-4 pb-6">
        {words ? (
          <div role="alert">
            <Callout tone="warning" title="It was not put in.">
              <p>{words}</p>
            </Callout>
          </div>
        ) : null}
        <input type="hidden" name="service" value={service.service} />
        {service.ownAddress ? (
          <Field
            label="Address"
            name="baseUrl"
            required
            hint="Where your own server answers, such as https://llm.example.org"
          />
        ) : null}
        <SecretField label={`${service.title} credential`} name="secret" />
        <p className="text-small text-soft">
          It must be allowed to make and delete keys. {service.words} It is asked for once at the
          provider before it is kept.
        </p>
        <Button type="submit" name="intent" value="deposit" kind="ink">
          Put it into the vault
        </Button>
      </Form>
    </details>
  )
}

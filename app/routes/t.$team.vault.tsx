import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Section } from '~/components/base/page-shell'
import { DepositForm } from '~/components/team/deposit-form'
import { FormDone } from '~/components/team/form-answer'
import { MasterKeyList } from '~/components/team/master-key-list'
import { DefaultServiceForm } from '~/components/team/team-defaults'
import { TeamShell } from '~/components/team/team-shell'
import { vaultMessage, vaultNotices, type VaultNotice } from '~/components/team/vault-messages'
import { teamUrl } from '~/urls'
import { teamScope } from '~/domain/money/member-lock.server'
import { readTeamDefaults, setDefaultService } from '~/domain/team/team-defaults.server'
import { listServiceChoices } from '~/domain/team/team-view.server'
import { destroyKey } from '~/domain/vault/destroy.server'
import {
  depositKey,
  disableKey,
  enableKey,
  holdsCredential,
  listMasterKeys,
  openKey,
  replaceKey,
} from '~/domain/vault/vault.server'
import { verifyKey } from '~/domain/vault/verify.server'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { optionalText, parseFields, readFields, requiredText, uuid } from '~/web/parse-form.server'
import { frameOf, intentOf, requireOwner } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  const done = new URL(args.request.url).searchParams.get('done') ?? ''
  return {
    team: frameOf(team),
    masterKeys: await listMasterKeys(args.ctx, team.teamId),
    services: listServiceChoices(args.ctx),
    first: (await readTeamDefaults(args.ctx, team.teamId)).service,
    done: Object.hasOwn(vaultNotices, done) ? (done as VaultNotice) : null,
    asOf: args.ctx.now().toISOString(),
  }
})

const credential = { secret: z.string(), baseUrl: optionalText(500) }
/** Every other field of the form may be one that the service declares; the vault takes only those. */
const settingsIn = (fields: URLSearchParams) =>
  Object.fromEntries([...fields].filter(([, value]) => value.length <= 500))
const depositForm = z.object({ service: z.string(), ...credential })
const replaceForm = z.object({ id: uuid, ...credential })
const masterKeyForm = z.object({ id: uuid })
const destroyForm = z.object({ id: uuid, reason: requiredText(500, 'no-reason', 'no-reason') })

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const { ctx } = args
  const fields = await readFields(args.request)
  const by = { teamId: team.teamId, scope: teamScope(team.slug), userId: viewer.userId }
  const back = (done: VaultNotice) => redirect(`${teamUrl(team.slug, 'vault')}?done=${done}`, 303)
  // No answer holds what was typed, because it is a credential.
  const refuse = (about: string, problem: Parameters<typeof vaultMessage>[0]) =>
    data(
      { about, message: vaultMessage(problem) },
      { status: 422, headers: { 'Cache-Control': 'no-store' } },
    )
  const intent = intentOf(fields)
  if (intent === 'deposit') {
    const form = parseFields(depositForm, fields)
    if (!form.ok) throw badRequest()
    const outcome = await depositKey(ctx, {
      ...by,
      ...form.value,
      settings: settingsIn(fields),
    })
    return outcome.kind === 'deposited' ? back('deposited') : refuse(form.value.service, outcome)
  }
  if (intent === 'replace') {
    const form = parseFields(replaceForm, fields)
    if (!form.ok) throw badRequest()
    const { id, ...replacement } = form.value
    const outcome = await replaceKey(ctx, {
      ...by,
      masterKeyId: id,
      ...replacement,
      settings: settingsIn(fields),
    })
    if (outcome === null) throw notFound()
    return outcome.kind === 'replaced' ? back('replaced') : refuse(id, outcome)
  }
  if (intent === 'default-service') {
    const service = fields.get('service') || null
    const { teamId, slug } = team
    const outcome = await setDefaultService(ctx, {
      teamId,
      slug,
      actorUserId: viewer.userId,
      service,
    })
    if (outcome === 'unknown-service') throw badRequest()
    return back('first-set')
  }
  if (intent === 'destroy') {
    const form = parseFields(destroyForm, fields)
    if (!form.ok && 'id' in form.problems) throw badRequest()
    if (!form.ok) return refuse(form.given.id ?? '', { reason: 'no-reason' })
    const { id, reason } = form.value
    const outcome = await destroyKey(ctx, { ...by, masterKeyId: id, reason })
    if (outcome === 'no-such-credential') throw notFound()
    return outcome === 'destroyed' ? back('destroyed') : refuse(id, { reason: outcome })
  }
  const form = parseFields(masterKeyForm, fields)
  if (!form.ok) throw badRequest()
  const masterKeyId = form.value.id
  /** Pressing twice is no error. Nothing is done to a credential that is deleted or of another team. */
  const backIfHeld = async (done: VaultNotice) => {
    if (!(await holdsCredential(ctx, team.teamId, masterKeyId))) throw notFound()
    return back(done)
  }
  switch (intent) {
    case 'verify': {
      const outcome = await verifyKey(ctx, { ...by, masterKeyId })
      if (outcome === null) throw notFound()
      return outcome.kind === 'verified' ? back('verified') : refuse(masterKeyId, outcome)
    }
    case 'open':
      await openKey(ctx, { ...by, masterKeyId, reason: 'opened from the vault' })
      return backIfHeld('opened')
    case 'disable':
      await disableKey(ctx, { ...by, masterKeyId })
      return backIfHeld('disabled')
    case 'enable':
      await enableKey(ctx, { ...by, masterKeyId })
      return backIfHeld('enabled')
    default:
      throw badRequest()
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Vault · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Vault() {
  const { team, masterKeys, services, first, done, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const offered = services.filter(
    ({ service }) => service === first || masterKeys.some((key) => key.service === service),
  )
  const notice = done && !answer ? vaultNotices[done] : null
  return (
    <TeamShell
      team={team}
      title="Vault"
      lead={
        'The team’s credentials make the keys of its members. They are sealed when you add them and ' +
        'never shown again, not even to you.'
      }
    >
      {notice ? (
        <FormDone title={notice.title}>{notice.text ? <p>{notice.text}</p> : null}</FormDone>
      ) : null}
      <Section title="Credentials" id="master-keys">
        <MasterKeyList
          masterKeys={masterKeys}
          services={services}
          problem={answer ?? null}
          closed={team.closedAt !== null}
          asOf={asOf}
        />
      </Section>
      {team.closedAt || offered.length < 2 ? null : (
        <Section title="New keys" id="first">
          <DefaultServiceForm current={first} services={offered} />
        </Section>
      )}
      {team.closedAt ? null : (
        <Section title="Add a credential" id="deposit">
          <div className="max-w-[34rem] space-y-2">
            {services.map((service, index) => (
              <DepositForm
                key={service.service}
                service={service}
                open={
                  answer?.about === service.service ||
                  (answer === undefined && masterKeys.length === 0 && index === 0)
                }
                message={answer?.about === service.service ? answer.message : null}
              />
            ))}
          </div>
        </Section>
      )}
    </TeamShell>
  )
}

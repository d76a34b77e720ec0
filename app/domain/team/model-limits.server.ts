/**
 * Which models the keys of a team may use at a service: what owners set as a default, and bind as a
 * limit. Guarantee: no key is wanted with a model outside of the limit, because a list is read for a
 * new key under a lock that every change of it waits for, and live keys follow a change one by one,
 * in the sweep, until none is left.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { checkModels } from '../keys/model-catalog.server'
import { eachDue } from '../keys/wake.server'
import { sendApply } from '../keys/want.server'
import type { Key } from '../keys/key-row'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import { lockTeam } from './team.server'

const maxListedModels = 50

/** A name as providers write it; what is longer or odder is no model's. */
const modelPattern = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/

/** The names in a text, each once. `odd` is the first that cannot be one, `many` where there are too many. */
export function parseModels(
  text: string,
): { kind: 'models'; models: string[] } | { kind: 'odd'; model: string } | { kind: 'many' } {
  const models = [...new Set(text.split(/[\s,]+/).filter(Boolean))]
  const odd = models.find((model) => !modelPattern.test(model))
  if (odd !== undefined) return { kind: 'odd', model: odd }
  return models.length > maxListedModels ? { kind: 'many' } : { kind: 'models', models }
}

/** Why a model is not taken; the id is what was typed. */
export type ModelRefusal = {
  kind: 'refused'
  reason: 'unknown-model' | 'model-not-allowed' | 'models-unread'
  model: string
  suggestion: string | null
}

/**
 * Whether one of these accounts has each model. Asks the services, so it stands before a
 * transaction. Null: they are known.
 */
async function whyNotModels(
  ctx: Ctx,
  accounts: readonly string[],
  models: readonly string[],
): Promise<ModelRefusal | null> {
  const refuse = (
    reason: ModelRefusal['reason'],
    model: string,
    suggestion: string | null = null,
  ): ModelRefusal => ({ kind: 'refused', reason, model, suggestion })
  for (const model of models) {
    const checks = []
    for (const account of accounts) {
      const check = await checkModels(ctx, account, [model])
      checks.push(check)
      if (check.kind === 'known') break
    }
    if (checks.some(({ kind }) => kind === 'known')) continue
    const unknown = checks.find((check) => check.kind === 'unknown')
    // One that did not answer may have it.
    if (!unknown || checks.some(({ kind }) => kind === 'unread'))
      return refuse('models-unread', model)
    return refuse('unknown-model', model, unknown.suggestion)
  }
  return null
}

type TeamList = { models: string[]; bound: boolean; version: number }
const noList: TeamList = { models: [], bound: false, version: 0 }

async function readList(db: Tx, teamId: string, service: string): Promise<TeamList> {
  const [row] = await db.$queryRaw<TeamList[]>`
    select models, bound, version from keymint.team_models
    where team_id = ${teamId}::uuid and service = ${service}`
  return row ?? noList
}

/** Held by whoever reads a list for a key, shared; alone by whoever changes it. It waits for nobody's money. */
const lockName = (teamId: string, service: string) => `models:${teamId}:${service}`

/**
 * What is in force for a key with this choice, read so that no change of the list passes it: until
 * the end of the transaction. `outside` is a chosen model that the limit does not have.
 */
export async function holdModels(
  tx: Tx,
  input: { teamId: string; service: string; chosen: readonly string[] },
): Promise<{ models: string[]; outside: string | null }> {
  const { teamId, service, chosen } = input
  await tx.$queryRaw`
    select pg_advisory_xact_lock_shared(hashtextextended(${lockName(teamId, service)}, 0))::text as locked`
  const list = await readList(tx, teamId, service)
  const bound = list.bound ? list.models : []
  const [row] = await tx.$queryRaw<{ models: string[] }[]>`
    select keymint.models_in_force(${[...chosen]}::text[], ${bound}::text[]) as models`
  const allowed = new Set(bound)
  return {
    models: row?.models ?? [],
    outside: list.bound ? (chosen.find((id) => !allowed.has(id)) ?? null) : null,
  }
}

/**
 * Models that the provider does not have. Asked before the transaction, because it asks the provider;
 * what stands in the team's list was asked about when it was set.
 */
export async function whyNotOffered(
  ctx: Ctx,
  input: { teamId: string; masterKeyId: string; models: readonly string[] },
): Promise<ModelRefusal | null> {
  if (input.models.length === 0) return null
  const [master] = await ctx.db.$queryRaw<{ service: string }[]>`
    select service from keymint.master_keys where id = ${input.masterKeyId}::uuid
      and team_id = ${input.teamId}::uuid and state = 'active'`
  // Refused under the lock, with what is true there.
  if ((ctx.services.get(master?.service ?? '')?.capabilities.modelList ?? 'none') === 'none')
    return null
  const list = await readList(ctx.db, input.teamId, master?.service ?? '')
  if (list.bound) return null
  const known = new Set(list.models)
  const fresh = input.models.filter((model) => !known.has(model))
  return whyNotModels(ctx, [input.masterKeyId], fresh)
}

/** Every model of a limit is no choice: the key gets what is added to the limit later too. */
export async function chosenModels(
  ctx: Pick<Ctx, 'db'>,
  key: { teamId: string; masterKeyId: string },
  models: string[],
): Promise<string[]> {
  const [list] = await ctx.db.$queryRaw<{ models: string[] }[]>`
    select l.models from keymint.master_keys m
    join keymint.team_models l on l.team_id = m.team_id and l.service = m.service and l.bound
    where m.id = ${key.masterKeyId}::uuid and m.team_id = ${key.teamId}::uuid`
  const chosen = new Set(models)
  return list && list.models.length === chosen.size && list.models.every((id) => chosen.has(id))
    ? []
    : models
}

export type SetModelsOutcome =
  | { kind: 'set' }
  | { kind: 'refused'; reason: 'stale-models' | 'no-service' | 'bound-to-none' }
  | ModelRefusal

/**
 * Sets the list of one service, for an active owner; an empty one is none. Live keys follow within a
 * minute. `was` is the version that the owner was shown.
 */
export async function setTeamModels(
  ctx: Ctx,
  input: {
    teamId: string
    slug: string
    actorUserId: string
    service: string
    models: string[]
    bound: boolean
    was: number
  },
): Promise<SetModelsOutcome> {
  const { teamId, slug, actorUserId, service, bound, was } = input
  const models = [...input.models].sort()
  if (bound && models.length === 0) return { kind: 'refused', reason: 'bound-to-none' }
  const accounts = await listModelAccounts(ctx, teamId, service)
  if (accounts.length === 0) return { kind: 'refused', reason: 'no-service' }
  // What stands in the list already was known when it was set: a provider that has dropped it since
  // does not keep an owner from changing the rest.
  const before = new Set((await readList(ctx.db, teamId, service)).models)
  const fresh = models.filter((model) => !before.has(model))
  const refusal = await whyNotModels(ctx, accounts, fresh)
  if (refusal) return refusal
  return ctx.db.$transaction(async (tx): Promise<SetModelsOutcome> => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    await tx.$queryRaw`
      select pg_advisory_xact_lock(hashtextextended(${lockName(teamId, service)}, 0))::text as locked`
    const present = await readList(tx, teamId, service)
    // Posted twice, it is there already.
    if (present.bound === bound && present.models.join() === models.join()) return { kind: 'set' }
    if (present.version !== was) return { kind: 'refused', reason: 'stale-models' }
    await tx.$executeRaw`
      insert into keymint.team_models as t (team_id, service, models, bound)
      values (${teamId}::uuid, ${service}, ${models}::text[], ${bound})
      on conflict (team_id, service) do update set models = excluded.models, bound = excluded.bound,
        version = t.version + 1, followed_at = null`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.models-set',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: {
        service,
        models: models.join(', ') || 'every model',
        ...(models.length > 0 ? { rule: bound ? 'a limit' : 'a suggestion' } : {}),
      },
    })
    return { kind: 'set' }
  })
}

async function listModelAccounts(ctx: Ctx, teamId: string, service: string): Promise<string[]> {
  const modelList = ctx.services.get(service)?.capabilities.modelList ?? 'none'
  if (modelList === 'none') return []
  const rows = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.master_keys where team_id = ${teamId}::uuid and service = ${service}
      and state = 'active' order by created_at, id limit 20`
  return rows.map(({ id }) => id)
}

const maxFollowed = 500

/** Live keys whose list is another one than is in force now. Each is changed by itself, under its locks. */
export async function followModelLists(ctx: Ctx): Promise<number> {
  const lists = await ctx.db.$queryRaw<{ teamId: string; service: string; version: number }[]>`
    select team_id as "teamId", service, version from keymint.team_models where followed_at is null limit 50`
  let followed = 0
  for (const list of lists) {
    const due = await listNotFollowing(ctx, list)
    const done = await eachDue(ctx, due, 'the models of the team changed', (tx, key) =>
      follow(ctx, tx, key),
    )
    followed += done
    if (done === due.length && due.length < maxFollowed)
      await ctx.db.$executeRaw`
        update keymint.team_models set followed_at = keymint.now()
        where team_id = ${list.teamId}::uuid and service = ${list.service} and version = ${list.version}::int`
  }
  return followed
}

async function listNotFollowing(
  ctx: Ctx,
  { teamId, service }: { teamId: string; service: string },
): Promise<{ id: string }[]> {
  return ctx.db.$queryRaw<{ id: string }[]>`
    select k.id from keymint.api_keys a
    join keymint.keys k on k.holder_kind = 'sub-key' and k.holder_id = a.id
    join keymint.team_models l on l.team_id = a.team_id and l.service = a.service
    where a.team_id = ${teamId}::uuid and a.service = ${service} and a.state in ('pending', 'ready')
      and k.off_ended_at is null and k.off_replaced_at is null and k.installation = ${ctx.installationId}
      and k.models <> keymint.models_in_force(a.models, case when l.bound then l.models else '{}' end)
    order by k.id limit ${maxFollowed}::int`
}

/** The caller holds the key's member. */
async function follow(ctx: Ctx, tx: Tx, key: Key): Promise<void> {
  const [holder] = await tx.$queryRaw<{ teamId: string; service: string; chosen: string[] }[]>`
    select team_id as "teamId", service, models as chosen from keymint.api_keys
    where id = ${key.holderId}::uuid and state in ('pending', 'ready')`
  if (!holder) return
  const { models } = await holdModels(tx, holder)
  const changed = await tx.$executeRaw`
    update keymint.keys set models = ${models}::text[], models_open = true, models_tries = 0,
      models_error = null, models_due_at = null
    where id = ${key.id}::uuid and models <> ${models}::text[] and off_ended_at is null
      and off_replaced_at is null`
  if (changed !== 1) return
  // A key that is still to be made is made with the new list.
  await tx.$executeRaw`
    update keymint.mints set allowed_models = ${models}::text[]
    where id = ${key.mintId}::uuid and state = 'pending'`
  await recordAudit(tx, {
    actor: 'worker',
    action: 'sub-key.models-changed',
    subject: `sub-key:${key.holderId}`,
    scope: key.scope,
    details: { models: models.join(', ') || 'every model', generation: key.generation },
  })
  if (key.savedAt !== null) await sendApply(ctx, tx, key)
}

export type TeamModelsView = {
  service: string
  title: string
  models: string[]
  bound: boolean
  version: number
  /** Live keys that do not have the list yet, and how many there are of the service. */
  open: number
  live: number
}

/** Of each service that the team has a credential of and that can limit keys to models. */
export async function listTeamModels(ctx: Ctx, teamId: string): Promise<TeamModelsView[]> {
  const rows = await ctx.db.$queryRaw<
    (TeamList & { service: string; open: number; live: number })[]
  >`
    select s.service, coalesce(l.models, '{}') as models, coalesce(l.bound, false) as bound,
      coalesce(l.version, 0) as version, coalesce(c.open, 0) as open, coalesce(c.live, 0) as live
    from (select distinct service from keymint.master_keys
      where team_id = ${teamId}::uuid and state = 'active') s
    left join keymint.team_models l on l.team_id = ${teamId}::uuid and l.service = s.service
    left join lateral (select count(*)::int as live, count(*) filter (where k.models_open or k.models
        <> keymint.models_in_force(a.models, case when l.bound then l.models else '{}' end))::int as open
      from keymint.api_keys a join keymint.keys k on k.holder_kind = 'sub-key' and k.holder_id = a.id
        and k.generation = a.generation
      where a.team_id = ${teamId}::uuid and a.service = s.service and a.state = 'ready'
        and a.expires_at > keymint.now()) c on true
    order by s.service`
  return rows.flatMap((row) => {
    const adapter = ctx.services.get(row.service)
    return adapter && adapter.capabilities.modelList !== 'none'
      ? [{ ...row, title: adapter.title }]
      : []
  })
}

/**
 * The guardrail of one list of models in one account: made once, found again by its id or by the
 * installation in its description, as a workshop's is. One list is one guardrail, named by a hash of
 * the list, so that none is ever changed for another list. What the provider says it made is compared
 * with what was asked before its id is given to anybody.
 */
import { createHash } from 'node:crypto'
import type { GuardrailRules, UpstreamGuardrail } from '~/adapters/key-provider'
import { isNotFound, ProviderError } from '~/adapters/provider-error'
import type { ServiceGuardrails } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { fingerprintOf, markOf, ownOfNames, underGuardrailLock } from './guardrail.server'
import { canonicalIds } from './model-catalog.server'

/** Names a list, in every process and every installation alike. */
const listName = (models: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify([...models].sort()))
    .digest('hex')
    .slice(0, 16)

const guardrailNames = (list: string, installationId: string) => ({
  plain: `models-${list}`,
  own: `models-${list}-${installationId}`,
})

/**
 * The id of the guardrail of this list in this account, made or put right upstream if needed. Waits
 * for whoever does so already. Throws ProviderError.
 */
export async function ensureModelGuardrail(
  ctx: Ctx,
  account: string,
  guardrails: ServiceGuardrails,
  models: string[],
): Promise<string> {
  const list = listName(models)
  const names = guardrailNames(list, ctx.installationId)
  const rules: GuardrailRules = {
    name: names.plain,
    description: `${markOf(ctx.installationId)}: the models of a team's keys.`,
    limit: null,
    allowedModels: models,
  }
  const fingerprint = fingerprintOf(rules)
  const where = { account_list: { account, list } }
  const cached = await ctx.db.modelGuardrail.findUnique({ where })
  if (cached?.fingerprint === fingerprint) return cached.guardrailId
  return underGuardrailLock(ctx, `${account}:${list}`, async (tx) => {
    const known = await tx.modelGuardrail.findUnique({ where })
    if (known?.fingerprint === fingerprint) return known.guardrailId
    // List before create: a create whose answer was lost must not leave a second one.
    const listed = await guardrails.listGuardrails()
    const [ours] = ownOfNames(listed, Object.values(names), {
      installationId: ctx.installationId,
      knownId: known?.guardrailId ?? null,
    })
    const isTaken = listed.some(({ name }) => name === names.plain)
    const name = ours?.name ?? (isTaken ? names.own : names.plain)
    const made =
      (ours && (await updated(guardrails, ours.id, { ...rules, name }))) ??
      (await guardrails.createGuardrail({ ...rules, name }))
    await requireAsAsked(ctx, account, made, models)
    const row = { guardrailId: made.id, fingerprint, models }
    await tx.modelGuardrail.upsert({
      where,
      create: { account, list, ...row },
      update: { ...row, ensuredAt: ctx.now() },
    })
    return made.id
  })
}

/** Null when the provider no longer knows it. */
async function updated(
  guardrails: ServiceGuardrails,
  id: string,
  rules: GuardrailRules,
): Promise<UpstreamGuardrail | null> {
  try {
    return await guardrails.updateGuardrail(id, rules)
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
}

/** The provider answers with names of its own for the same models. */
export async function allows(
  ctx: Ctx,
  account: string,
  guardrail: UpstreamGuardrail,
  models: readonly string[],
): Promise<boolean> {
  const shown = new Set(guardrail.allowedModels ?? [])
  const isSame = (wanted: readonly string[]) =>
    shown.size === new Set(wanted).size && wanted.every((id) => shown.has(id))
  return isSame(models) || isSame(await canonicalIds(ctx, account, models))
}

async function requireAsAsked(
  ctx: Ctx,
  account: string,
  made: UpstreamGuardrail,
  models: readonly string[],
): Promise<void> {
  if (await allows(ctx, account, made, models)) return
  ctx.log.warn({ account, guardrail: made.id }, 'a guardrail allows other models than asked')
  throw new ProviderError({
    call: 'POST /guardrails',
    kind: 'rejected',
    reason: 'refused',
    providerMessage: 'It made a guardrail for other models than requested.',
  })
}

/** The page of a person's notifications in a team, and what they ask for on it. */
import { teamAudience } from '../alerts/alert'
import { readDeliveries, type DeliveryView } from '../alerts/read.server'
import { retryIn, sendTestIn, type RetryOutcome } from '../alerts/requests.server'
import type { Ctx } from '../ctx'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import type { Membership } from './team.server'
import { readHooks, type HookView } from './notice-hooks.server'
import { hookAddress, userAddress } from './notice-reach.server'
import { readOwnMail, readReaders, type OwnMail } from './notice-readers.server'

export { setOwnMail } from './notice-readers.server'
export { addHook, removeHook, type AddOutcome, type HookView } from './notice-hooks.server'

export type NoticePage = {
  asOf: string
  mail: OwnMail & { configured: boolean }
  /** Null for who does not manage them. */
  hooks: HookView[] | null
  /** To this person, and to the webhooks that they manage. */
  deliveries: DeliveryView[]
}

type Place = Pick<Membership, 'teamId' | 'slug' | 'name' | 'role' | 'state'>

export async function readNoticePage(ctx: Ctx, team: Place, userId: string): Promise<NoticePage> {
  const { teamId, role, state } = team
  const [mail, hooks, [clock]] = await Promise.all([
    readOwnMail(ctx, { teamId, userId, role }),
    role === 'owner' && state === 'active' ? readHooks(ctx.db, teamId) : null,
    ctx.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`,
  ])
  const places = new Map([
    [userAddress(userId), mail.address ?? ''],
    ...(hooks ?? []).map(({ id, host }) => [hookAddress(id), host] as const),
  ])
  return {
    asOf: (clock?.now ?? ctx.now()).toISOString(),
    mail: { ...mail, configured: ctx.mailer !== null },
    hooks,
    deliveries: await readDeliveries(ctx, teamAudience(teamId), places),
  }
}

/** Sends a test to oneself by mail. False where nobody would get it. */
export async function testOwnMail(ctx: Ctx, team: Place, userId: string): Promise<boolean> {
  const { teamId, slug, name } = team
  return ctx.db.$transaction(async (tx) => {
    await requireOpenTeam(tx, teamId)
    const [reader] = await readReaders(tx, teamId, userId)
    if (!reader?.hasAddress || ctx.mailer === null) return false
    await sendTestIn(ctx, tx, {
      actorUserId: userId,
      audience: teamAudience(teamId),
      to: { channel: 'mail', address: userAddress(userId) },
      about: { team: { slug, name } },
      scope: teamScope(slug),
    })
    return true
  })
}

/** Sends a test to a webhook, for an active owner. False where there is none. */
export async function testHook(
  ctx: Ctx,
  team: Place,
  userId: string,
  id: string,
): Promise<boolean> {
  const { teamId, slug, name } = team
  return ctx.db.$transaction(async (tx) => {
    await requireActiveOwner(tx, teamId, userId)
    await requireOpenTeam(tx, teamId)
    const hook = (await readHooks(tx, teamId)).find((one) => one.id === id)
    if (!hook || hook.ended) return false
    await sendTestIn(ctx, tx, {
      actorUserId: userId,
      audience: teamAudience(teamId),
      to: { channel: hook.channel, address: hookAddress(id) },
      about: { team: { slug, name } },
      scope: teamScope(slug),
    })
    return true
  })
}

/** Tries a failed message again: one to oneself, or to a webhook where one is an active owner. */
export async function retryOwn(
  ctx: Ctx,
  team: Place,
  userId: string,
  id: string,
): Promise<RetryOutcome> {
  const { teamId, slug } = team
  return ctx.db.$transaction(async (tx) => {
    const [reader] = await readReaders(tx, teamId, userId)
    if (!reader) return 'not-failed'
    const hooks = reader.role === 'owner' ? await readHooks(tx, teamId) : []
    return retryIn(ctx, tx, {
      actorUserId: userId,
      audience: teamAudience(teamId),
      id,
      addresses: [userAddress(userId), ...hooks.map((hook) => hookAddress(hook.id))],
      scope: teamScope(slug),
    })
  })
}

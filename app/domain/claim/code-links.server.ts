/**
 * Links that show a workshop's code to a screen where nobody is signed in. Guarantee: a link is the
 * id of a row and a signature that only this deployment can make, so that the database alone gives
 * none; it works until it is revoked, and for a week at most.
 */
import { timingSafeEqual } from 'node:crypto'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

const linkDays = 7
const maxLive = 20

export type CodeLinkLine = {
  id: string
  /** What the address needs; for staff who may act. */
  token: string
  madeBy: string
  madeAt: string
  expiresAt: string
}

const text = (workshopSlug: string, id: string) => `code link v1\n${workshopSlug}\n${id}`
const signature = (mac: string) => Buffer.from(mac, 'hex').subarray(0, 18).toString('base64url')

const tokenOf = (ctx: Pick<Ctx, 'fingerprints'>, workshopSlug: string, id: string) =>
  `${id}.${signature(ctx.fingerprints.of(text(workshopSlug, id)))}`

/** Null where there are too many. */
export async function makeCodeLink(
  ctx: Pick<Ctx, 'db' | 'fingerprints'>,
  input: { workshopSlug: string; actorUserId: string },
): Promise<string | null> {
  const { workshopSlug, actorUserId } = input
  return ctx.db.$transaction(async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`code-links:${workshopSlug}`}, 0))`
    const [made] = await tx.$queryRaw<{ id: string }[]>`
      insert into keymint.code_links (workshop_slug, made_by, made_at, expires_at)
      select ${workshopSlug}, ${actorUserId}, keymint.now(),
        keymint.now() + make_interval(days => ${linkDays}::int)
      where (select count(*) from keymint.code_links where workshop_slug = ${workshopSlug}
        and revoked_at is null and expires_at > keymint.now()) < ${maxLive}::int
      returning id`
    if (!made) return null
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'code-link.made',
      subject: `code-link:${made.id}`,
      scope: workshopSlug,
    })
    return tokenOf(ctx, workshopSlug, made.id)
  })
}

/** False where it did not work any more. */
export async function revokeCodeLink(
  ctx: Pick<Ctx, 'db'>,
  input: { workshopSlug: string; id: string; actorUserId: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const changed = await tx.$executeRaw`
      update keymint.code_links set revoked_at = keymint.now(), revoked_by = ${input.actorUserId}
      where id = ${input.id}::uuid and workshop_slug = ${input.workshopSlug} and revoked_at is null`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${input.actorUserId}`,
        action: 'code-link.revoked',
        subject: `code-link:${input.id}`,
        scope: input.workshopSlug,
      })
    return changed === 1
  })
}

export async function listCodeLinks(
  ctx: Pick<Ctx, 'db' | 'fingerprints'>,
  workshopSlug: string,
): Promise<CodeLinkLine[]> {
  const rows = await ctx.db.$queryRaw<
    { id: string; madeBy: string; madeAt: Date; expiresAt: Date }[]
  >`
    select l.id, coalesce(a.display_name, l.made_by) as "madeBy", l.made_at as "madeAt",
      l.expires_at as "expiresAt"
    from keymint.code_links l left join keymint.attendees a on a.user_id = l.made_by
    where l.workshop_slug = ${workshopSlug} and l.revoked_at is null and l.expires_at > keymint.now()
    order by l.made_at desc limit ${maxLive}::int`
  return rows.map(({ id, madeBy, madeAt, expiresAt }) => ({
    id,
    token: tokenOf(ctx, workshopSlug, id),
    madeBy,
    madeAt: madeAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }))
}

/** Whether this link shows the code of this workshop now. */
export async function isCodeLink(
  ctx: Pick<Ctx, 'db' | 'fingerprints'>,
  workshopSlug: string,
  token: string,
): Promise<boolean> {
  const [, id, given] = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{24})$/.exec(token) ?? []
  if (
    id === undefined ||
    given === undefined ||
    !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
  )
    return false
  // A link of before a new key still works: it ends by itself.
  const signed = ctx.fingerprints
    .allOf(text(workshopSlug, id))
    .map((mac) => timingSafeEqual(Buffer.from(signature(mac)), Buffer.from(given)))
  if (!signed.includes(true)) return false
  const [row] = await ctx.db.$queryRaw<{ live: boolean }[]>`
    select exists (select 1 from keymint.code_links where id = ${id}::uuid
      and workshop_slug = ${workshopSlug} and revoked_at is null and expires_at > keymint.now()) as live`
  return row?.live ?? false
}

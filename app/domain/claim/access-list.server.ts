/** Requests and grants of one workshop, as its staff see them. */
import type { Ctx } from '../ctx'

export type RequestLine = {
  id: string
  name: string
  /** How they are found again: logins, else the domain of their address. */
  known: string[]
  note: string
  refusedFor: string
  state: 'open' | 'granted' | 'refused'
  askedAt: string
  decidedAt: string | null
  decidedBy: string | null
}

export type GrantLine = {
  id: string
  kind: 'person' | 'login' | 'address'
  /** A name or a login; of an address nothing but the beginning of its fingerprint. */
  label: string
  grantedAt: string
  grantedBy: string
  hasClaim: boolean
}

export type AccessPage = {
  open: RequestLine[]
  openCount: number
  decided: RequestLine[]
  grants: GrantLine[]
  grantCount: number
  asOf: string
}

const maxOpen = 200
const maxDecided = 50
const maxGrants = 300

export async function countOpenRequests(
  ctx: Pick<Ctx, 'db'>,
  workshopSlug: string,
): Promise<number> {
  return ctx.db.accessRequest.count({ where: { workshopSlug, state: 'open' } })
}

export async function readAccessPage(
  ctx: Pick<Ctx, 'db' | 'now'>,
  workshopSlug: string,
): Promise<AccessPage> {
  const [open, openCount, decided, grants, grantCount] = await Promise.all([
    readRequests(ctx, workshopSlug, true),
    countOpenRequests(ctx, workshopSlug),
    readRequests(ctx, workshopSlug, false),
    readGrants(ctx, workshopSlug),
    ctx.db.accessGrant.count({ where: { workshopSlug, revokedAt: null } }),
  ])
  return { open, openCount, decided, grants, grantCount, asOf: ctx.now().toISOString() }
}

async function readRequests(
  ctx: Pick<Ctx, 'db'>,
  workshopSlug: string,
  open: boolean,
): Promise<RequestLine[]> {
  const rows = await ctx.db.$queryRaw<
    {
      id: string
      name: string
      email: string | null
      logins: string[]
      note: string
      refusedFor: string
      state: string
      createdAt: Date
      decidedAt: Date | null
      decidedBy: string | null
    }[]
  >`
    select r.id, a.display_name as name, a.email, r.note, r.refused_for as "refusedFor", r.state,
      r.created_at as "createdAt", r.decided_at as "decidedAt",
      coalesce(d.display_name, r.decided_by) as "decidedBy",
      coalesce((select array_agg(i.login order by i.login) from keymint.identities i
        where i.user_id = r.user_id and i.login is not null), '{}') as logins
    from keymint.access_requests r join keymint.attendees a on a.user_id = r.user_id
    left join keymint.attendees d on d.user_id = r.decided_by
    where r.workshop_slug = ${workshopSlug} and (r.state = 'open') = ${open}
    order by case when ${open} then r.created_at end, r.decided_at desc
    limit ${open ? maxOpen : maxDecided}::int`
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    known: [...row.logins, ...(row.email === null ? [] : [row.email])],
    note: row.note,
    refusedFor: row.refusedFor,
    state: row.state === 'granted' || row.state === 'refused' ? row.state : 'open',
    askedAt: row.createdAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    decidedBy: row.decidedBy,
  }))
}

async function readGrants(ctx: Pick<Ctx, 'db'>, workshopSlug: string): Promise<GrantLine[]> {
  const rows = await ctx.db.$queryRaw<
    {
      id: string
      kind: string
      mark: string
      name: string | null
      grantedAt: Date
      grantedBy: string
      hasClaim: boolean
    }[]
  >`
    select g.id, g.kind, g.mark, p.display_name as name, g.granted_at as "grantedAt",
      coalesce(b.display_name, g.granted_by) as "grantedBy",
      exists (select 1 from keymint.workshop_attendance c where c.workshop_slug = g.workshop_slug
        and g.kind = 'person' and c.user_id = g.mark) as "hasClaim"
    from keymint.access_grants g
    left join keymint.attendees p on g.kind = 'person' and p.user_id = g.mark
    left join keymint.attendees b on b.user_id = g.granted_by
    where g.workshop_slug = ${workshopSlug} and g.revoked_at is null
    order by g.granted_at desc, g.id limit ${maxGrants}::int`
  return rows.map(({ id, kind, mark, name, grantedAt, grantedBy, hasClaim }) => ({
    id,
    kind: kind === 'login' || kind === 'address' ? kind : 'person',
    label: kind === 'address' ? mark.slice(0, 8) : (name ?? mark),
    grantedAt: grantedAt.toISOString(),
    grantedBy,
    hasClaim,
  }))
}

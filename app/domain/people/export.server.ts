/**
 * Everything stored about one person, as JSON in pieces: docs/privacy.md lists what is in it. It
 * holds no secret: no key, no sealed key, no hash of a session.
 */
import type { Ctx } from '../ctx'
import { recordAudit } from '../audit/audit.server'

const auditPage = 1_000

/**
 * Audits the export, then yields it piece by piece. Throws before the first piece if the audit
 * fails.
 */
export async function exportPerson(
  ctx: Pick<Ctx, 'db' | 'now'>,
  userId: string,
): Promise<AsyncGenerator<string>> {
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'person.exported',
      subject: `user:${userId}`,
    }),
  )
  return pieces(ctx, userId)
}

async function* pieces(
  { db, now }: Pick<Ctx, 'db' | 'now'>,
  userId: string,
): AsyncGenerator<string> {
  const person = await db.attendee.findUniqueOrThrow({ where: { userId } })
  const identities = await db.identity.findMany({ where: { userId }, orderBy: { linkedAt: 'asc' } })
  const sessions = await db.session.findMany({
    where: { userId },
    omit: { tokenHash: true, earlierTokenHash: true },
    orderBy: { createdAt: 'asc' },
  })
  const claims = await db.workshopAttendance.findMany({
    where: { userId },
    omit: { orKeyPlaintext: true },
    orderBy: { attendedAt: 'asc' },
  })
  const claimIds = claims.map((claim) => claim.claimId)
  const limitRequests = await db.limitRequest.findMany({
    where: { claimId: { in: claimIds } },
    orderBy: { askedAt: 'asc' },
  })
  const mints = await db.mint.findMany({
    where: { holderKind: 'claim', holderId: { in: claimIds } },
    omit: { fencingToken: true },
    include: { mintAttempts: { omit: { token: true } } },
    orderBy: { queuedAt: 'asc' },
  })
  const keys = await db.key.findMany({
    where: { holderKind: 'claim', holderId: { in: claimIds } },
    omit: { sealed: true },
    orderBy: { requestedAt: 'asc' },
  })
  const setupCodes = await db.setupCode.findMany({
    where: { userId },
    omit: { codeHash: true, deviceHash: true },
    orderBy: { createdAt: 'asc' },
  })
  const teams = await db.$queryRaw<object[]>`
    select t.slug, t.name, m.role, m.state, m.joined_at as "joinedAt", m.removed_at as "removedAt",
      (select jsonb_object_agg(c.choice, c.wanted) from keymint.team_mail_choices c
        where c.team_id = m.team_id and c.user_id = m.user_id) as "mailChoices"
      from keymint.team_members m join keymint.teams t on t.id = m.team_id
    where m.user_id = ${userId} order by m.joined_at`
  const subKeys = await db.apiKey.findMany({
    where: { userId },
    omit: { sealed: true },
    orderBy: { createdAt: 'asc' },
  })
  const accessRequests = await db.accessRequest.findMany({
    where: { userId },
    orderBy: { createdAt: 'asc' },
  })
  const waitlist = await db.waitlistPlace.findMany({
    where: { userId },
    orderBy: { turn: 'asc' },
  })
  const accessGrants = await db.accessGrant.findMany({
    where: { kind: 'person', mark: userId },
    orderBy: { grantedAt: 'asc' },
  })
  const ledger = await db.transaction.findMany({ where: { userId }, orderBy: { id: 'asc' } })
  const parts = {
    about: {
      exportedAt: now().toISOString(),
      of: userId,
      describedIn: 'docs/privacy.md',
    },
    person,
    identities,
    sessions,
    claims,
    limitRequests,
    mints,
    keys,
    setupCodes,
    teams,
    subKeys,
    accessRequests,
    accessGrants,
    waitlist,
    ledger,
  }
  yield '{\n'
  for (const [name, value] of Object.entries(parts))
    yield `${JSON.stringify(name)}: ${JSON.stringify(value, numbersAsText, 2)},\n`
  yield '"auditEvents": ['
  const subjects = [
    `user:${userId}`,
    ...claimIds.map((id) => `claim:${id}`),
    ...subKeys.map(({ id }) => `sub-key:${id}`),
  ]
  for (let after = '0', first = true; ;) {
    const rows = await db.$queryRaw<
      {
        id: string
        at: Date
        actor: string
        action: string
        subject: string
        workshop: string | null
        details: unknown
      }[]
    >`
      select id::text as id, at, actor, action, subject, workshop_slug as workshop, details
        from keymint.audit_events
      where (actor = ${`user:${userId}`} or subject = any(${subjects})) and id > ${after}::text::bigint
        order by audit_events.id limit ${auditPage}::int`
    for (const row of rows) {
      yield `${first ? '' : ','}\n  ${JSON.stringify(row)}`
      first = false
    }
    const last = rows.at(-1)
    if (!last || rows.length < auditPage) break
    after = last.id
  }
  yield '\n]\n}\n'
}

/** JSON has no bigint. */
const numbersAsText = (_name: string, value: unknown) =>
  typeof value === 'bigint' ? value.toString() : value

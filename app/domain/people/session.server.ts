/**
 * A session is one signed-in browser: the cookie holds the token, keymint.sessions its SHA-256.
 * Guarantee: a session is valid for 30 days, for 7 without use, and never after it was ended.
 * Postgres's now() decides.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import type { Provider } from '~/adapters/identity-provider'
import { type AuditActor, recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { asciiLowerCase } from '../ascii'
import { cut } from '~/text'
import type { Workshop } from '../workshop-file'

export type Role = 'admin' | 'viewer' | 'attendee'

/**
 * The signed-in person, read from the database at every request, so that a ban or a lost role takes
 * effect at once.
 */
export type Viewer = {
  userId: string
  displayName: string
  avatarUrl: string | null
  /** Verified, or null. */
  email: string | null
  emailNormalized: string | null
  /** What this session was signed in with. */
  provider: Provider
  banned: { reason: string | null } | null
  /** Numeric ids of the GitHub accounts linked to this person. */
  githubIds: string[]
  githubAccountCreatedAt: Date | null
  /** The names of those accounts when they last signed in, in lower case. */
  githubLogins: string[]
  role: Role
}

export const sessionLifetimeSeconds = 30 * 24 * 3600

/**
 * Starts a session and returns its token, which is not stored. `replacesToken` is this browser's
 * session until now: it ends. Where it was of another account, the new one remembers it, as the
 * proof that one person opens both.
 */
export async function startSession(
  ctx: Pick<Ctx, 'db'>,
  input: {
    userId: string
    provider: Provider
    userAgent: string | null
    replacesToken?: string | null
  },
): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await ctx.db.$transaction(async (tx) => {
    const replaced = input.replacesToken
      ? await endOne(tx, input.replacesToken, 'signed-in-again')
      : null
    const earlier = replaced?.valid && replaced.userId !== input.userId ? replaced.tokenHash : null
    await tx.$executeRaw`
      insert into keymint.sessions (token_hash, user_id, provider, user_agent, expires_at, earlier_token_hash)
      values (${hashToken(token)}, ${input.userId}, ${input.provider},
        ${input.userAgent ? cut(input.userAgent, 300) : null},
        now() + make_interval(secs => ${sessionLifetimeSeconds}), ${earlier})`
    await recordAudit(tx, {
      actor: `user:${input.userId}`,
      action: 'session.started',
      subject: `user:${input.userId}`,
      details: { provider: input.provider, session: sessionLabel(hashToken(token)) },
    })
  })
  return token
}

type SessionRow = {
  user_id: string
  provider: string
  touch_due: boolean
  display_name: string
  avatar_url: string | null
  email: string | null
  email_normalized: string | null
  banned_at: Date | null
  ban_reason: string | null
  github_ids: string[]
  github_logins: string[]
  github_created_at: Date | null
}

/** Who holds this token, or null if it is unknown, ended, expired or was idle for too long. */
export async function findSession(
  ctx: Pick<Ctx, 'db' | 'settings'>,
  token: string,
): Promise<Viewer | null> {
  const tokenHash = hashToken(token)
  const [row] = await ctx.db.$queryRaw<SessionRow[]>`
    select s.user_id, s.provider, s.last_seen_at < now() - interval '5 minutes' as touch_due,
           a.display_name, a.avatar_url, a.email, a.email_normalized, a.banned_at, a.ban_reason,
           coalesce(g.ids, '{}') as github_ids, coalesce(g.logins, '{}') as github_logins,
           g.created_at as github_created_at
    from keymint.sessions s
    join keymint.attendees a using (user_id)
    left join lateral (
      select array_agg(i.provider_user_id) as ids, array_remove(array_agg(i.login), null) as logins,
        min(i.account_created_at) as created_at
      from keymint.identities i where i.user_id = s.user_id and i.provider = 'github'
    ) g on true
    where s.token_hash = ${tokenHash} and s.ended_at is null and s.expires_at > now()
      and s.last_seen_at > now() - interval '7 days'`
  if (!row) return null
  // Not at every request: 500 open pages poll every other second.
  if (row.touch_due) {
    await ctx.db.$executeRaw`
      with touched as (
        update keymint.sessions set last_seen_at = now()
        where token_hash = ${tokenHash} and ended_at is null and last_seen_at < now() - interval '5 minutes'
        returning user_id
      )
      update keymint.attendees a set last_seen_at = now() from touched where a.user_id = touched.user_id`
  }
  return {
    userId: row.user_id,
    displayName: row.display_name,
    avatarUrl: row.avatar_url,
    email: row.email,
    emailNormalized: row.email_normalized,
    provider: row.provider === 'google' ? 'google' : 'github',
    banned: row.banned_at ? { reason: row.ban_reason } : null,
    githubIds: row.github_ids,
    githubAccountCreatedAt: row.github_created_at,
    githubLogins: row.github_logins.map(asciiLowerCase),
    role: roleOf(ctx.settings, {
      email: row.email,
      githubIds: row.github_ids,
      banned: row.banned_at !== null,
    }),
  }
}

/** Ends the session of this token, if there is one. */
export async function endSession(ctx: Pick<Ctx, 'db'>, token: string): Promise<void> {
  await ctx.db.$transaction((tx) => endOne(tx, token, 'signed-out'))
}

/** Signs a person out everywhere and returns how many sessions ended. */
export async function endAllSessions(
  ctx: Pick<Ctx, 'db'>,
  userId: string,
  actor: AuditActor = `user:${userId}`,
): Promise<number> {
  return ctx.db.$transaction(async (tx) => {
    const count = await tx.$executeRaw`
        update keymint.sessions set ended_at = now() where user_id = ${userId} and ended_at is null`
    if (count > 0)
      await recordAudit(tx, {
        actor,
        action: 'session.ended',
        subject: `user:${userId}`,
        details: { because: 'signed-out-everywhere', sessions: count },
      })
    return count
  })
}

export type SessionView = {
  /** Names a session to its owner, and signs nobody in. */
  label: string
  provider: Provider
  userAgent: string | null
  createdAt: string
  lastSeenAt: string
  current: boolean
}

/** The valid sessions of a person, the one with `token` marked and first. */
export async function listSessions(
  ctx: Pick<Ctx, 'db'>,
  userId: string,
  token: string | null,
): Promise<SessionView[]> {
  const rows = await ctx.db.$queryRaw<
    {
      tokenHash: string
      provider: string
      userAgent: string | null
      createdAt: Date
      lastSeenAt: Date
    }[]
  >`
    select token_hash as "tokenHash", provider, user_agent as "userAgent", created_at as "createdAt",
      last_seen_at as "lastSeenAt" from keymint.sessions
    where user_id = ${userId} and ended_at is null and expires_at > now()
      and last_seen_at > now() - interval '7 days' order by last_seen_at desc limit 100`
  const currentHash = token === null ? null : hashToken(token)
  return rows
    .map(({ tokenHash, provider, userAgent, createdAt, lastSeenAt }): SessionView => ({
      label: sessionLabel(tokenHash),
      provider: provider === 'google' ? 'google' : 'github',
      userAgent,
      createdAt: createdAt.toISOString(),
      lastSeenAt: lastSeenAt.toISOString(),
      current: tokenHash === currentHash,
    }))
    .sort((one, other) => Number(other.current) - Number(one.current))
}

/**
 * Ends one session of a person by its label; never somebody else's. False if there was none.
 */
export async function endSessionOf(
  ctx: Pick<Ctx, 'db'>,
  input: { userId: string; label: string },
): Promise<boolean> {
  const { userId, label } = input
  return ctx.db.$transaction(async (tx) => {
    const changed = await tx.$executeRaw`
        update keymint.sessions set ended_at = now() where user_id = ${userId}
          and left(token_hash, ${labelLength}::int) = ${label} and ended_at is null`
    if (changed > 0)
      await recordAudit(tx, {
        actor: `user:${userId}`,
        action: 'session.ended',
        subject: `user:${userId}`,
        details: { because: 'ended-from-another', session: label },
      })
    return changed > 0
  })
}

/** Signs a person out everywhere but here, and returns how many sessions ended. */
export async function endOtherSessions(
  ctx: Pick<Ctx, 'db'>,
  input: { userId: string; keepToken: string },
): Promise<number> {
  const { userId } = input
  return ctx.db.$transaction(async (tx) => {
    const count = await tx.$executeRaw`
        update keymint.sessions set ended_at = now() where user_id = ${userId} and ended_at is null
          and token_hash <> ${hashToken(input.keepToken)}`
    if (count > 0)
      await recordAudit(tx, {
        actor: `user:${userId}`,
        action: 'session.ended',
        subject: `user:${userId}`,
        details: { because: 'signed-out-everywhere-else', sessions: count },
      })
    return count
  })
}

/**
 * Roles by the current verified email, letter by letter (only A-Z and a-z are alike: no dots or
 * tags are dropped), or by the id of a linked GitHub account. A banned person has none.
 */
export function roleOf(
  settings: Pick<Ctx['settings'], 'adminEmails' | 'adminGithubIds' | 'viewerEmails'>,
  person: { email: string | null; githubIds: string[]; banned: boolean },
): Role {
  if (person.banned) return 'attendee'
  const { email } = person
  const isIn = (list: string[]) =>
    email !== null && list.some((entry) => asciiLowerCase(entry) === asciiLowerCase(email))
  if (
    isIn(settings.adminEmails) ||
    person.githubIds.some((id) => settings.adminGithubIds.includes(id))
  )
    return 'admin'
  return isIn(settings.viewerEmails) ? 'viewer' : 'attendee'
}

/**
 * Whether the workshop's file names this person among its organizers: by their verified address,
 * letter by letter, or by the login of a linked GitHub account. A banned person organizes nothing.
 */
export function isOrganizer(
  workshop: Pick<Workshop, 'organizers'> | undefined,
  person: Pick<Viewer, 'email' | 'githubLogins' | 'banned'>,
): boolean {
  if (!workshop || person.banned) return false
  const email = person.email === null ? null : asciiLowerCase(person.email)
  return workshop.organizers.some((entry) =>
    entry.includes('@') ? entry === email : person.githubLogins.includes(entry),
  )
}

/** The session that was ended, and whether it was still good until then; null if there was none. */
async function endOne(
  tx: Tx,
  token: string,
  because: string,
): Promise<{ tokenHash: string; userId: string; valid: boolean } | null> {
  const tokenHash = hashToken(token)
  const [ended] = await tx.$queryRaw<{ userId: string; valid: boolean }[]>`
    update keymint.sessions set ended_at = now() where token_hash = ${tokenHash} and ended_at is null
      returning user_id as "userId",
        expires_at > now() and last_seen_at > now() - interval '7 days' as valid`
  if (!ended) return null
  await recordAudit(tx, {
    actor: `user:${ended.userId}`,
    action: 'session.ended',
    subject: `user:${ended.userId}`,
    details: { because, session: sessionLabel(tokenHash) },
  })
  return { tokenHash, ...ended }
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

const labelLength = 12

/** Enough to tell sessions apart, in the audit trail and to their owner. */
function sessionLabel(tokenHash: string): string {
  return tokenHash.slice(0, labelLength)
}

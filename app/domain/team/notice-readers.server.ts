/** Who may be mailed in a team, and what each of them chose. */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { MemberRole } from '../money/roles'
import { choicesOf, isMailChoice, isWanted, type Chosen, type MailChoice } from './notices'

export type ReaderRow = { userId: string; role: MemberRole; hasAddress: boolean; chosen: Chosen }

/** Active members who are not banned; `userId` for one of them. */
export async function readReaders(
  db: Tx,
  teamId: string,
  userId: string | null = null,
): Promise<ReaderRow[]> {
  const rows = await db.$queryRaw<
    {
      userId: string
      role: MemberRole
      hasAddress: boolean
      choices: Record<string, boolean> | null
    }[]
  >`
    select m.user_id as "userId", m.role, a.email is not null as "hasAddress",
      (select jsonb_object_agg(c.choice, c.wanted) from keymint.team_mail_choices c
        where c.team_id = m.team_id and c.user_id = m.user_id) as choices
    from keymint.team_members m join keymint.attendees a on a.user_id = m.user_id
    where m.team_id = ${teamId}::uuid and (${userId}::text is null or m.user_id = ${userId})
      and m.state = 'active' and a.banned_at is null`
  return rows.map(({ choices, ...row }) => ({ ...row, chosen: choices ?? {} }))
}

export type ChoiceView = { name: MailChoice; wanted: boolean }
export type OwnMail = { address: string | null; choices: ChoiceView[] }

export async function readOwnMail(
  ctx: Pick<Ctx, 'db'>,
  ref: { teamId: string; userId: string; role: MemberRole },
): Promise<OwnMail> {
  const person = await ctx.db.attendee.findUnique({
    where: { userId: ref.userId },
    select: { email: true },
  })
  const [own] = await readReaders(ctx.db, ref.teamId, ref.userId)
  return {
    address: person?.email ?? null,
    choices: choicesOf(ref.role).map((name) => ({
      name,
      wanted: isWanted(name, own?.chosen ?? {}),
    })),
  }
}

/** Sets all choices of this role at once; those of other roles stay as they are. */
export async function setOwnMail(
  ctx: Pick<Ctx, 'db'>,
  ref: { teamId: string; userId: string; role: MemberRole },
  wanted: string[],
): Promise<void> {
  const names = choicesOf(ref.role)
  const on = new Set(wanted.filter(isMailChoice))
  await ctx.db.$executeRaw`
    insert into keymint.team_mail_choices (team_id, user_id, choice, wanted, set_at)
    select m.team_id, m.user_id, one.choice, one.wanted, keymint.now()
    from keymint.team_members m cross join
      unnest(${names}::text[], ${names.map((name) => on.has(name))}::boolean[]) as one(choice, wanted)
    where m.team_id = ${ref.teamId}::uuid and m.user_id = ${ref.userId} and m.state <> 'removed'
    on conflict (team_id, user_id, choice) do update set wanted = excluded.wanted, set_at = excluded.set_at`
}

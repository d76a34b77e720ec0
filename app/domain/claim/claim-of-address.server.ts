import type { Provider } from '~/adapters/identity-provider'
import type { Ctx } from '../ctx'

/**
 * How somebody else's claim with the same verified address was signed in, or null without one. Most
 * often that somebody is the same person with the other provider; their claim is refused for it.
 */
export async function findProviderOfOtherClaim(
  ctx: Pick<Ctx, 'db'>,
  person: { workshopSlug: string; userId: string; emailNormalized: string | null },
): Promise<Provider | null> {
  if (person.emailNormalized === null) return null
  const [claim] = await ctx.db.$queryRaw<{ provider: string }[]>`
    select provider from keymint.workshop_attendance where workshop_slug = ${person.workshopSlug}
      and email_normalized = ${person.emailNormalized} and user_id <> ${person.userId}`
  return claim ? (claim.provider === 'google' ? 'google' : 'github') : null
}

import { redirect } from '@remix-run/node'
import { teamUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMember(args)
  return redirect(teamUrl(team.slug, 'dashboard'), 303)
})

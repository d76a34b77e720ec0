import { Form, Link } from '@remix-run/react'
import { teamUrl } from '../../urls'
import { Button } from '../base/button'
import { Checkbox } from '../base/field'

export function LeaveTeam({ slug, name, last }: { slug: string; name: string; last: boolean }) {
  if (last)
    return (
      <p className="max-w-read text-soft">
        You are the only owner, so you cannot leave. Make somebody else an owner on the{' '}
        <Link className="prose-link" to={teamUrl(slug, 'members')}>
          members page
        </Link>
        , or{' '}
        <Link className="prose-link" to={teamUrl(slug, 'close')}>
          close the team
        </Link>
        .
      </p>
    )
  return (
    <Form method="post" className="max-w-read space-y-3">
      <p>Your keys end at once, and what they have not spent goes back to the team.</p>
      <Checkbox name="sure">Yes, end my keys and remove me from {name}.</Checkbox>
      <Button type="submit" name="intent" value="leave">
        Leave {name}
      </Button>
    </Form>
  )
}

import { Form } from '@remix-run/react'
import { Button } from '../base/button'
import { Checkbox } from '../base/field'

export function LeaveTeam({ name }: { name: string }) {
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

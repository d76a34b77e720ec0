import { Form } from '@remix-run/react'
import { Button } from '../base/button'
import { Field } from '../base/field'

/** How many live keys a member may have. `problem` is a message about what was typed. */
export function KeyCeilingForm({ current, problem }: { current: number; problem: string | null }) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-4">
      <Field
        label="Live keys per member"
        name="ceiling"
        required
        defaultValue={String(current)}
        hint="A whole number from 1 to 1000. Keys that exist stay; whoever has this many can make no other."
        {...(problem === null ? {} : { error: problem })}
      />
      <Button type="submit" name="intent" value="ceiling">
        Set the number
      </Button>
    </Form>
  )
}

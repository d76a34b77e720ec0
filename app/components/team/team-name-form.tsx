import { Form } from '@remix-run/react'
import { Button } from '../base/button'
import { Field } from '../base/field'

/** The team's name, for its owners. `refused` is what was typed and is no name. */
export function TeamNameForm({
  name,
  slug,
  refused,
}: {
  name: string
  slug: string
  refused: string | null
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-4">
      <Field
        key={name}
        label="Name"
        name="name"
        required
        hint={`The address of the team stays /t/${slug}.`}
        defaultValue={refused ?? name}
        {...(refused === null ? {} : { error: 'Enter a name of 1 to 80 characters.' })}
      />
      <Button type="submit" name="intent" value="rename">
        Rename the team
      </Button>
    </Form>
  )
}

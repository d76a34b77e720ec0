import { Form } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { Section } from '../base/page-shell'

/** What the key is counted under, and the form that changes it. */
export function KeyProject({ view, closed }: { view: SubKeyView; closed: boolean }) {
  return (
    <Section title="Project" id="project">
      <p>{view.project ? <bdi>{view.project}</bdi> : 'This key has no project.'}</p>
      {closed ? null : (
        <details className="mt-2 max-w-[34rem]">
          <summary className="inline-flex min-h-11 items-center prose-link">
            {view.project ? 'Change the project' : 'Add a project'}
          </summary>
          <Form method="post" className="mt-2 space-y-4">
            <Field
              key={view.project ?? ''}
              label="Project"
              name="project"
              hint="At most 40 characters. Leave it empty for none."
              defaultValue={view.project ?? ''}
            />
            <Button type="submit" name="intent" value="project">
              Save the project
            </Button>
          </Form>
        </details>
      )}
    </Section>
  )
}

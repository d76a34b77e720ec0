import { Form } from '@remix-run/react'
import type { MemberView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { EmptyState } from '../base/page-shell'
import { MemberTable } from './member-table'
import { serviceAccountProblems } from './team-messages'

/** The service accounts of a team with their budgets; the name leads to its page. */
export function ServiceAccounts({ slug, accounts }: { slug: string; accounts: MemberView[] }) {
  if (accounts.length === 0)
    return (
      <EmptyState title="No service account yet">
        <p>
          A program that uses a person’s key stops when that person leaves. The key of a service
          account goes on.
        </p>
      </EmptyState>
    )
  return <MemberTable slug={slug} members={accounts} label="Service accounts" />
}

export type RefusedServiceAccount = {
  problem: keyof typeof serviceAccountProblems
  typed: { name: string; budget: string }
}

export function ServiceAccountForm({
  formId,
  refused,
}: {
  /** Posted twice, it makes one. */
  formId: string
  refused: RefusedServiceAccount | null
}) {
  const problem = refused ? serviceAccountProblems[refused.problem] : null
  const errorAt = (field: 'name' | 'budget') =>
    problem?.field === field ? { error: problem.message } : {}
  return (
    <Form method="post" className="max-w-[28rem] space-y-6">
      <input type="hidden" name="formId" value={formId} />
      <Field
        label="Name"
        name="name"
        required
        hint="What its keys are for, such as CI or nightly tests. Books and audit trail show it."
        defaultValue={refused?.typed.name ?? ''}
        {...errorAt('name')}
      />
      <Field
        label="Budget a month, in USD (optional)"
        name="budget"
        hint="Empty for none until somebody sets it. The budget of newcomers does not count here."
        defaultValue={refused?.typed.budget ?? ''}
        {...errorAt('budget')}
      />
      <Button type="submit" name="intent" value="make" kind="ink">
        Make the service account
      </Button>
    </Form>
  )
}

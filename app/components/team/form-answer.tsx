import type { ReactNode } from 'react'
import { Callout } from '../base/callout'

type Answer = { title: string; children?: ReactNode }

/** Why a form changed nothing, and what to do. Read out at once. */
export function FormProblem({ title, children }: Answer) {
  return (
    <div role="alert" className="mt-6 max-w-read">
      <Callout tone="warning" title={title}>
        {children}
      </Callout>
    </div>
  )
}

/** What a form has done. Read out when nothing else is. */
export function FormDone({ title, children }: Answer) {
  return (
    <div role="status" className="mt-6 max-w-read">
      <Callout tone="ok" title={title}>
        {children}
      </Callout>
    </div>
  )
}

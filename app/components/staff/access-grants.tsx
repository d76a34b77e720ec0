/** Who is let in whatever the file says, and the links that show the code. */
import { Form } from '@remix-run/react'
import type { GrantLine } from '~/domain/claim/access-list.server'
import { Button } from '../base/button'
import { CopyButton } from '../base/copy-button'
import { TextArea } from '../base/field'
import { Ago, Time } from '../base/time'

export function GrantBeforehand({
  problem,
  text,
  done,
}: {
  problem: string | null
  text: string
  /** What the last form did. */
  done: string | null
}) {
  return (
    <Form method="post" className="max-w-read space-y-3">
      <TextArea
        label="Let people in before they ask"
        name="people"
        hint="One GitHub login or address a line. We store no address, so it cannot be shown again."
        rows={4}
        defaultValue={text}
        error={problem ?? undefined}
        required
      />
      <Button type="submit" name="intent" value="grant-beforehand" kind="ink">
        Let them in
      </Button>
      <p role="status" className="min-h-6">
        {done}
      </p>
    </Form>
  )
}

const labelOf = ({ kind, label }: GrantLine) =>
  kind === 'address' ? `An address (fingerprint ${label}…)` : label

export function GrantList({
  grants,
  grantCount,
  mayAct,
  asOf,
}: {
  grants: GrantLine[]
  grantCount: number
  mayAct: boolean
  asOf: string
}) {
  if (grants.length === 0) return <p className="text-soft">Nobody yet.</p>
  return (
    <>
      <ul className="max-w-read divide-y divide-rule border-y border-rule">
        {grants.map((grant) => (
          <li key={grant.id} className="flex flex-wrap items-center justify-between gap-x-4 py-2">
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <bdi>{labelOf(grant)}</bdi>{' '}
              <span className="text-small text-soft">
                by <bdi>{grant.grantedBy}</bdi>, <Ago iso={grant.grantedAt} asOf={asOf} />
                {grant.hasClaim ? '. Has claimed' : ''}
              </span>
            </span>
            {mayAct ? (
              <Form method="post">
                <input type="hidden" name="id" value={grant.id} />
                <Button
                  type="submit"
                  kind="quiet"
                  name="intent"
                  value="revoke-grant"
                  aria-label={`Take back: ${labelOf(grant)}`}
                >
                  Take back
                </Button>
              </Form>
            ) : null}
          </li>
        ))}
      </ul>
      {grantCount > grants.length ? (
        <p className="mt-2 text-small text-soft">
          The latest {grants.length} of {grantCount.toLocaleString('en-US')}.
        </p>
      ) : null}
    </>
  )
}

export type LinkShown = {
  id: string
  /** Null for who may not act: the address is the right to see the code. */
  url: string | null
  madeBy: string
  madeAt: string
  expiresAt: string
}

export function CodeLinks({
  links,
  mayAct,
  asOf,
}: {
  links: LinkShown[]
  mayAct: boolean
  asOf: string
}) {
  return (
    <div className="max-w-read space-y-3">
      {links.length > 0 ? (
        <ul className="divide-y divide-rule border-y border-rule">
          {links.map((link) => (
            <li key={link.id} className="py-2">
              {link.url ? (
                <p id={`link-${link.id}`} className="font-mono text-small [overflow-wrap:anywhere]">
                  {link.url}
                </p>
              ) : null}
              <p className="text-small text-soft">
                By <bdi>{link.madeBy}</bdi>, <Ago iso={link.madeAt} asOf={asOf} />. Works until{' '}
                <Time iso={link.expiresAt} now={asOf} />.
              </p>
              {mayAct && link.url ? (
                <div className="flex flex-wrap gap-2">
                  <CopyButton text={link.url} label="Copy the link" targetId={`link-${link.id}`} />
                  <Form method="post">
                    <input type="hidden" name="id" value={link.id} />
                    <Button type="submit" name="intent" value="revoke-link">
                      Revoke the link
                    </Button>
                  </Form>
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      ) : null}
      {mayAct ? (
        <Form method="post">
          <Button type="submit" name="intent" value="make-link">
            Create a link for a screen
          </Button>
          <p className="mt-1 text-small text-soft">
            Whoever has it sees the code without signing in, for a week or until you revoke it.
          </p>
        </Form>
      ) : null}
    </div>
  )
}

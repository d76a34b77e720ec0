import type { MetaFunction } from '@remix-run/node'
import { useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminShell } from '~/components/staff/admin-shell'
import { AuditFilterForm } from '~/components/staff/audit-filter'
import { AuditTrail, ChainLine, type TrailEntry } from '~/components/staff/audit-trail'
import { LiveBar } from '~/components/staff/live-line'
import { ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { EmptyState } from '~/components/base/page-shell'
import { readAuditPage, type AuditEntry } from '~/domain/audit/read.server'
import {
  auditExportUrl,
  auditUrl,
  readAuditQuery,
  subjectUrl,
  type AuditQuery,
} from '~/web/audit-query.server'
import { adminBanUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const query = readAuditQuery(new URL(request.url))
  const { typed, problems } = query
  const page = await readAuditPage(ctx, query.filter, query.cursor)
  return {
    mayBan: viewer.role === 'admin',
    typed,
    problems,
    entries: page.entries.map((entry) => trailEntry(entry, typed)),
    chain: page.chain,
    urls: {
      all: auditUrl({}),
      newest: auditUrl(typed),
      older: page.older ? auditUrl({ ...typed, before: page.older }) : null,
      newer: page.newer ? auditUrl({ ...typed, after: page.newer }) : null,
      csv: auditExportUrl(typed, 'csv'),
      jsonl: auditExportUrl(typed, 'jsonl'),
    },
    workshops: [...ctx.workshops.workshops.keys()].sort(),
    asOf: ctx.now().toISOString(),
  }
})

function trailEntry(
  { actor, action, subject, workshopSlug, ...entry }: AuditEntry,
  typed: AuditQuery['typed'],
): TrailEntry {
  return {
    id: entry.id,
    at: entry.at,
    details: entry.details,
    chained: entry.chainSeq !== null,
    actor: {
      text: actor.replace(/^user:/, ''),
      name: entry.actorName,
      filterUrl: auditUrl({ ...typed, actor: actor.replace(/^user:/, '') }),
    },
    action: { name: action, filterUrl: auditUrl({ ...typed, action }) },
    subject: {
      text: subject,
      name: entry.subjectName,
      filterUrl: auditUrl({ ...typed, subject }),
      url: subjectUrl(subject, workshopSlug),
    },
    workshop:
      workshopSlug === null
        ? null
        : { slug: workshopSlug, filterUrl: auditUrl({ ...typed, workshop: workshopSlug }) },
  }
}

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction = () => [{ title: 'Audit · Keymint' }]

export default function Audit() {
  const { mayBan, typed, problems, entries, chain, urls, workshops, asOf } =
    useLoaderData<typeof loader>()
  const filtered = Object.values(typed).some(Boolean)
  return (
    <AdminShell
      title="Audit trail"
      lead="Every change, newest first. Nobody can edit or delete an event, Keymint included."
    >
      <div className="mt-3">
        <LiveBar asOf={asOf} everyMs={10_000} />
      </div>
      <ChainLine chain={chain} asOf={asOf} />
      {mayBan ? (
        <p className="mt-4">
          <a className="prose-link" href={adminBanUrl}>
            Ban a person who has no claim
          </a>
        </p>
      ) : null}
      {problems.length > 0 ? (
        <div className="mt-6 max-w-read">
          <Callout tone="warning" title="Part of the filter was ignored">
            {problems.map((problem) => (
              <p key={problem}>{problem}</p>
            ))}
          </Callout>
        </div>
      ) : null}
      <AuditFilterForm
        key={JSON.stringify(typed)}
        typed={typed}
        workshops={workshops}
        clearUrl={urls.all}
      />
      <div className="mt-8 flex flex-wrap items-center justify-between gap-3 border-t border-rule pt-4">
        <Pages urls={urls} />
        <p className="flex flex-wrap items-center gap-x-2">
          {filtered ? 'Download the matches:' : 'Download all events:'}{' '}
          <ButtonLink kind="quiet" to={urls.csv}>
            CSV
          </ButtonLink>
          <ButtonLink kind="quiet" to={urls.jsonl}>
            JSON lines
          </ButtonLink>
        </p>
      </div>
      <div className="mt-2">
        {entries.length > 0 ? (
          <AuditTrail entries={entries} asOf={asOf} />
        ) : (
          <EmptyState title={filtered ? 'No event matches' : 'No events yet'}>
            <p>
              {filtered ? (
                <>
                  Widen the filter, or{' '}
                  <a className="prose-link" href={urls.all}>
                    show everything
                  </a>
                  .
                </>
              ) : (
                'The first sign-in is the first event.'
              )}
            </p>
          </EmptyState>
        )}
      </div>
      {entries.length > 10 ? (
        <div className="mt-6">
          <Pages urls={urls} />
        </div>
      ) : null}
    </AdminShell>
  )
}

function Pages({ urls }: { urls: { newest: string; older: string | null; newer: string | null } }) {
  return (
    <nav aria-label="Pages" className="flex flex-wrap gap-3">
      {urls.newer ? <ButtonLink to={urls.newest}>Newest</ButtonLink> : null}
      {urls.newer ? <ButtonLink to={urls.newer}>Newer</ButtonLink> : null}
      {urls.older ? (
        <ButtonLink to={urls.older}>Older</ButtonLink>
      ) : (
        <p className="inline-flex min-h-11 items-center text-soft">
          {urls.newer ? 'These are the oldest events.' : 'No older events.'}
        </p>
      )}
    </nav>
  )
}

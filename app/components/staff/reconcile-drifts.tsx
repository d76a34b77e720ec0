/** The drifts of a check by kind, each with its repair. */
import { Form, useNavigation } from '@remix-run/react'
import type { DriftGroup, DriftRow } from '~/domain/staff/reconcile-page.server'
import { Button } from '../base/button'
import { Section } from '../base/page-shell'
import { Table } from '../base/table'
import { claimsUrl } from '../../urls'
import { driftMessages } from './drift-messages'

type Acting = { checkId: string; mayAct: boolean; repairing: boolean }

export function Group({ group, checkId, mayAct, repairing }: Acting & { group: DriftGroup }) {
  const { title, meaning } = driftMessages[group.kind]
  const { total, open } = group
  return (
    <Section
      title={`${title}: ${open === total ? total : `${open} open of ${total}`}`}
      id={group.kind}
    >
      <p className="max-w-read text-soft">{meaning}</p>
      {mayAct && group.repairable > 1 ? (
        <div className="mt-3">
          <Confirmed
            checkId={checkId}
            intent="repair-kind"
            kind={group.kind}
            count={group.repairable}
            busy={repairing}
          />
        </div>
      ) : null}
      <Table
        label={`${title}, as a table`}
        frameClassName="mt-4 sm:max-h-[60vh]"
        className="sm:min-w-[48rem]"
        stacked
        rows={group.rows}
        rowKey={(row) => row.id}
        columns={[
          { head: 'About', header: true, className: '!font-normal', cell: About },
          { head: 'Difference', className: 'sm:min-w-72 sm:py-2', cell: (row) => row.what },
          {
            head: 'Repair',
            className: 'sm:min-w-56 sm:py-2 text-soft',
            named: true,
            cell: (row) => row.repair ?? 'None: a person decides.',
          },
          {
            head: 'State',
            className: 'sm:min-w-36 sm:py-2',
            cell: (row) => (
              <State row={row} checkId={checkId} mayAct={mayAct} repairing={repairing} />
            ),
          },
        ]}
      />
      {group.rows.length < total ? (
        <p className="mt-2 text-small text-soft">
          The first {group.rows.length} of {total} are shown.
        </p>
      ) : null}
    </Section>
  )
}

function About(row: DriftRow) {
  return (
    <>
      {row.workshopSlug && row.reference ? (
        <a
          className="font-mono prose-link"
          href={claimsUrl(row.workshopSlug, row.reference.toLowerCase())}
        >
          {row.reference}
        </a>
      ) : (
        <span className="font-mono">
          {row.keyHash ? row.keyHash.slice(0, 12) : row.workshopSlug}
        </span>
      )}
      {row.workshopSlug && row.keyHash ? (
        <span className="block text-soft">{row.workshopSlug}</span>
      ) : null}
    </>
  )
}

function State({ row, checkId, mayAct, repairing }: Acting & { row: DriftRow }) {
  const navigation = useNavigation()
  const button =
    mayAct && row.repair ? (
      <Form method="post" preventScrollReset>
        <input type="hidden" name="intent" value="repair-one" />
        <input type="hidden" name="checkId" value={checkId} />
        <Button
          type="submit"
          name="id"
          value={row.id}
          busy={repairing || navigation.formData?.get('id') === row.id}
          busyText="Repair"
          aria-label={`Repair: ${row.what}`}
        >
          Repair
        </Button>
      </Form>
    ) : null
  switch (row.state) {
    case 'open':
      return button ?? <span className="text-soft">{row.repair ? 'open' : 'for a person'}</span>
    case 'asked':
      return <span className="text-amber-ink">repairing</span>
    case 'fixed':
      return (
        <span className="text-mint-ink">
          repaired<span className="block text-soft">{row.detail}</span>
        </span>
      )
    case 'moot':
      return (
        <span>
          obsolete<span className="block text-soft">{row.detail}</span>
        </span>
      )
    case 'failed':
      return (
        <div className="space-y-1">
          <span className="text-brick-ink">
            not repaired<span className="block">{row.detail}</span>
          </span>
          {button}
        </div>
      )
  }
}

/** Two presses: the second names the number. Works without a script. */
export function Confirmed({
  checkId,
  intent,
  kind,
  count,
  busy,
}: {
  checkId: string
  intent: 'repair-all' | 'repair-kind'
  kind: string | null
  count: number
  busy: boolean
}) {
  return (
    <details className="group">
      <summary className="button inline-flex cursor-pointer list-none" data-kind="plain">
        {intent === 'repair-all' ? 'Repair everything possible…' : `Repair all ${count}…`}
      </summary>
      <Form method="post" preventScrollReset className="mt-3 flex flex-wrap items-center gap-3">
        <input type="hidden" name="intent" value={intent} />
        <input type="hidden" name="checkId" value={checkId} />
        {kind === null ? null : <input type="hidden" name="kind" value={kind} />}
        <p>Keymint compares each once more first and skips what no longer differs.</p>
        <Button type="submit" kind="ink" busy={busy} busyText="Repairing…">
          {count === 1 ? 'Repair 1 difference' : `Repair ${count} differences`}
        </Button>
      </Form>
    </details>
  )
}

/** One line to every open page of a workshop: posted, changed and taken down, also from a phone. */
import { Form, useNavigation } from '@remix-run/react'
import type { AnnouncementView } from '~/domain/workshop/view-types'
import { ownAnnouncements } from '~/messages/announcements'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { Section } from '../base/page-shell'
import { EventZoneProvider, Time } from '../base/time'

export const announceProblems = {
  'no-line': 'Write one line.',
  'too-long': 'Use at most 200 characters.',
  'no-end': 'Choose when it ends.',
  'shown-already': 'Somebody posted another line meanwhile. It is below: change that one.',
  'not-current': 'Somebody changed it meanwhile, or it has ended. Below is what is shown now.',
  'no-closing': 'Claims have closed, or the workshop’s file does not say when they do.',
} as const

type Page = {
  timezone: string
  shown: AnnouncementView[]
  closesAt: string | null
  ownToo: boolean
  mayAct: boolean
  asOf: string
}

export function AnnouncePage({
  page,
  failed,
}: {
  page: Page
  failed: { problem: keyof typeof announceProblems; line: string } | null
}) {
  const own = page.shown.find(({ cause }) => cause !== null)
  return (
    <EventZoneProvider value={page.timezone}>
      <div className="mt-6 max-w-read space-y-6">
        {failed ? (
          <div role="alert">
            <Callout tone="error" title="Nothing was changed">
              <p>{announceProblems[failed.problem]}</p>
            </Callout>
          </div>
        ) : null}
        <StaffLine page={page} given={failed?.line ?? null} />
        <Section title="From Keymint" id="own">
          {own?.cause ? (
            <p>
              Shown now: <strong>{ownAnnouncements[own.cause].title}.</strong>{' '}
              {ownAnnouncements[own.cause].sentence}
            </p>
          ) : (
            <p className="text-soft">
              {page.ownToo
                ? 'Nothing now. Keymint posts a line when credits run low, 80 % of the pool is spent ' +
                  'or the provider fails, and takes it down a minute after that ends.'
                : 'None. With “announce_problems: true” in the workshop’s file, Keymint posts a line ' +
                  'when credits run low, 80 % of the pool is spent or the provider fails.'}
            </p>
          )}
        </Section>
      </div>
    </EventZoneProvider>
  )
}

function StaffLine({ page, given }: { page: Page; given: string | null }) {
  const { shown, closesAt, mayAct, asOf } = page
  const line = shown.find(({ cause }) => cause === null)
  const busy = useNavigation().state !== 'idle'
  return (
    <>
      {line ? (
        <Callout tone="plain" title="Shown on every open page">
          <p>
            <bdi>{line.line}</bdi>
          </p>
          <p className="text-soft">
            Posted <Time iso={line.postedAt} now={asOf} />
            {line.endsAt ? (
              <>
                , until <Time iso={line.endsAt} now={asOf} />
              </>
            ) : null}
            .
          </p>
        </Callout>
      ) : (
        <p className="text-soft">
          {mayAct
            ? 'Everybody who has a page of this workshop open sees it within a minute, without a reload: ' +
              'the workshop’s page, their key’s page and the wall.'
            : 'No announcement is shown now.'}
        </p>
      )}
      {mayAct ? (
        <Form
          method="post"
          className="space-y-4"
          key={`${line?.id ?? 'new'} ${line?.revision ?? 0}`}
        >
          {line ? (
            <>
              <input type="hidden" name="id" value={line.id} />
              <input type="hidden" name="revision" value={line.revision} />
            </>
          ) : null}
          <Field
            label="One line"
            name="line"
            required
            maxLength={200}
            hint="Plain text, at most 200 characters."
            defaultValue={given ?? line?.line ?? ''}
          />
          <Select
            label="Ends"
            name="end"
            options={[
              ...(line ? [{ value: 'keep', label: 'As it does now' }] : []),
              { value: '15m', label: 'In 15 minutes' },
              { value: '1h', label: 'In an hour' },
              ...(closesAt ? [{ value: 'closing', label: 'When claims close' }] : []),
            ]}
          />
          <div className="flex flex-wrap gap-3">
            <Button
              type="submit"
              kind="ink"
              name="intent"
              value={line ? 'edit' : 'post'}
              busy={busy}
            >
              {line ? 'Change it' : 'Post it'}
            </Button>
            {line ? (
              <Button type="submit" name="intent" value="take-down" busy={busy} formNoValidate>
                Take it down
              </Button>
            ) : null}
          </div>
        </Form>
      ) : null}
    </>
  )
}

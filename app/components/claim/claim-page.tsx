/**
 * One person's claim, from the queue to the end of the key. The same card in the same place in
 * every state.
 */
import { useEffect, useState, type ReactNode } from 'react'
import { useClaimPage, type ClaimWatch } from '~/client/use-claim-page'
import { useKeyTest } from '~/client/use-key-test'
import { useRevealedKey } from '~/client/use-revealed-key'
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { ClaimView } from '~/domain/claim/view-types'
import { ButtonLink } from '../base/button'
import { Callout } from '../base/callout'
import type { ClaimPageData } from './claim-page-data'
import { ClaimProgress } from './claim-progress'
import {
  announcement,
  deadWords,
  documentTitle,
  endWords,
  headline,
  phaseOf,
  refusalWords,
  refusedWords,
  type Words,
} from './claim-words'
import { ConnectionBar } from '../base/connection-bar'
import { KeyCard } from './key-card'
import { KeyActions, KeyUse } from './key-panel'
import { OrganizerLine } from './organizer-line'
import { PageShell } from '../base/page-shell'
import { SayProvider } from '../base/say'
import { StarNudge } from '../base/star-nudge'
import { Countdown, Time } from '../base/time'
import { capNote } from './workshop-facts'

export function ClaimPage({ page: loaded }: { page: ClaimPageData }) {
  const { page, watch } = useClaimPage(loaded)
  if (page.claim) return <TakenClaim page={page} claim={page.claim} watch={watch} />
  return <NotTaken page={page} reason={page.refused ?? 'no-such-workshop'} />
}

function NotTaken({ page, reason }: { page: ClaimPageData; reason: RefusedReason }) {
  const words = refusedWords[reason]
  const again =
    reason === 'paused' ||
    reason === 'switched-off' ||
    reason === 'full' ||
    reason === 'not-open-yet'
  const otherAccount =
    reason === 'wrong-provider' ||
    reason === 'no-verified-email' ||
    reason === 'email-already-claimed' ||
    reason === 'account-too-new'
  const back = page.workshop
    ? { to: page.urls.workshop, label: page.workshop.title }
    : { to: '/', label: 'All workshops' }
  return (
    <PageShell title={words.title} lead={words.meaning} back={back}>
      <div className="mt-6 space-y-6">
        <p>{words.next}</p>
        <div className="flex flex-wrap gap-3">
          {otherAccount ? (
            <form method="post" action="/sign-out">
              <button type="submit" className="button" data-kind="ink">
                Sign out
              </button>
            </form>
          ) : null}
          {page.workshop ? (
            <ButtonLink kind={again ? 'ink' : 'plain'} to={page.urls.workshop}>
              {again ? 'Back, to try again' : 'Back to the workshop'}
            </ButtonLink>
          ) : (
            <ButtonLink kind="ink" to="/">
              See all workshops
            </ButtonLink>
          )}
        </div>
        {words.askOrganizer ? (
          <div className="border-t border-rule pt-4 text-soft">
            <OrganizerLine
              organizer={page.workshop?.organizer ?? null}
              subject={`A key for ${page.workshop?.title ?? 'a workshop'}`}
            />
          </div>
        ) : null}
      </div>
    </PageShell>
  )
}

function TakenClaim({
  page,
  claim,
  watch,
}: {
  page: ClaimPageData
  claim: ClaimView
  watch: ClaimWatch
}) {
  const { workshop, urls } = page
  const [said, say] = useStatus(announcement(claim))
  const revealed = useRevealedKey(urls.reveal, say)
  const test = useKeyTest(urls.test, say)
  const title = workshop?.title ?? claim.workshopSlug
  const phase = phaseOf(claim)
  useEffect(() => {
    document.title = documentTitle(claim, title)
  }, [claim, title])
  const { key } = claim
  const expiresAt = key?.expiresAt ?? workshop?.keyExpiresAt ?? null
  const usable = claim.state === 'ready' && key !== null && phase !== 'dead-upstream'
  return (
    <SayProvider value={say}>
      <PageShell steady title={headline(claim)} back={{ to: urls.workshop, label: title }}>
        <p role="status" className="sr-only">
          {said}
        </p>
        <p className="mt-3 min-h-14 text-lead text-soft">{lead(claim)}</p>

        <div className="mt-4">
          <KeyCard
            state={
              phase === 'dead-upstream' ? 'ended' : phase === 'limits' ? 'pending' : claim.state
            }
            title={title}
            holder={page.holder}
            reference={claim.reference}
            word={
              usable
                ? 'OpenRouter key'
                : claim.state === 'pending'
                  ? 'Not struck yet'
                  : claim.state === 'refused'
                    ? 'Not struck'
                    : 'No longer valid'
            }
            keyText={claim.state === 'ended' ? null : (revealed.key ?? key?.label ?? null)}
            cap={(key?.limit ?? workshop?.keyLimit)?.text ?? 'Not set'}
            capNote={capNote(key ? key.limitReset : (workshop?.keyLimitReset ?? null))}
            ends={
              claim.end ? (
                <Time iso={claim.end.endedAt} now={claim.asOf} />
              ) : expiresAt ? (
                <>
                  <Countdown iso={expiresAt} asOf={claim.asOf} passed="now" />
                  <span className="key-card-quiet block">
                    <Time iso={expiresAt} now={claim.asOf} />
                  </span>
                </>
              ) : (
                'Not known'
              )
            }
            steps={claim.steps}
          />
        </div>

        <div className="mt-6 max-w-[34rem]">
          {claim.replacing ? <Replacing kind={claim.replacing} /> : null}
          {claim.formerKey ? (
            <FormerKey former={claim.formerKey} asOf={claim.asOf} ready={claim.state === 'ready'} />
          ) : null}
          {claim.state === 'pending' ? (
            <ClaimProgress claim={claim} pulse={watch.pulse} stale={watch.failures >= 2} />
          ) : null}
          {usable ? (
            <KeyActions
              revealed={revealed}
              revealable={key.revealable}
              revealUrl={urls.reveal}
              testUrl={urls.test}
              test={test}
            />
          ) : null}
          {claim.refusal ? (
            <Ending
              words={refusalWords[claim.refusal.reason]}
              detail={claim.refusal.detail}
              page={page}
              reference={claim.reference}
            />
          ) : null}
          {claim.end && claim.again === null ? (
            <Ending
              words={endWords[claim.end.reason]}
              detail={null}
              page={page}
              reference={claim.reference}
            />
          ) : null}
          {claim.again ? <ClaimAgain again={claim.again} page={page} asOf={claim.asOf} /> : null}
          {phase === 'dead-upstream' ? (
            <Ending
              words={deadWords(claim)}
              detail={null}
              page={page}
              reference={claim.reference}
            />
          ) : null}
          {claim.nextPollMs === null || usable ? null : (
            <CheckAgain url={urls.claim} autoSeconds={page.autoSeconds} />
          )}
        </div>

        {usable ? (
          <KeyUse
            budget={key}
            asOf={claim.asOf}
            baseUrl={page.baseUrl}
            revealedKey={revealed.key}
            replaceUrl={claim.replacing ? null : urls.replace}
          />
        ) : null}
        {usable && workshop?.kind === 'giveaway' ? (
          <p className="no-print mt-8 border-t border-rule pt-6 text-soft">
            <a className="prose-link" href="/docs">
              What this key may be used for
            </a>
          </p>
        ) : null}
        {usable && workshop?.repositoryUrl ? (
          <div className="no-print mt-2 text-soft">
            <StarNudge url={workshop.repositoryUrl} />
          </div>
        ) : null}
        <ConnectionBar failures={watch.failures} lastGood={watch.lastGood} />
      </PageShell>
    </SayProvider>
  )
}

/** One or two lines under the headline: where this stands. */
function lead(claim: ClaimView): ReactNode {
  switch (phaseOf(claim)) {
    case 'queued':
      return 'Your claim is written down. First come, first served.'
    case 'working':
      return 'A worker has taken it up. This usually takes a few seconds.'
    case 'delayed':
      return 'Your claim keeps its place. We keep trying by ourselves.'
    case 'no-worker':
      return 'It is written down, and waits for the press to start again.'
    case 'limits':
      return 'Your key is made. Its limits are attached in a moment.'
    case 'ready':
      return 'Copy it into your tool, and start building.'
    case 'spent':
      return claim.key?.limitReset
        ? 'Its cap is used up until it starts again.'
        : 'Its whole cap has been used.'
    case 'dead-upstream':
      return deadWords(claim).meaning
    case 'ended':
      return claim.end ? endWords[claim.end.reason].meaning : 'It can no longer be used.'
    case 'refused':
      return claim.refusal ? refusalWords[claim.refusal.reason].meaning : 'No key was made.'
  }
}

function Replacing({ kind }: { kind: 're-issue' | 'extend' }) {
  return (
    <div className="mb-6">
      <Callout tone="warning" title="A new key is on its way.">
        <p>
          {kind === 'extend'
            ? 'The organiser gives you more time. A key’s end cannot be moved, so you get a new key with what is left, here on this page.'
            : 'This one is switched off first. The new one, with what is left, appears here by itself.'}
        </p>
      </Callout>
    </div>
  )
}

function FormerKey({
  former,
  asOf,
  ready,
}: {
  former: NonNullable<ClaimView['formerKey']>
  asOf: string
  ready: boolean
}) {
  return (
    <div className="mb-6">
      <Callout
        tone="warning"
        title={ready ? 'This is a new key: the one to use.' : 'Your new key is being made.'}
      >
        <p>
          Your old key <code className="font-mono text-small break-all">{former.label}</code> still
          works, for {former.left.text} more at most,{' '}
          {former.until ? (
            <>
              until <Time iso={former.until} now={asOf} />
            </>
          ) : (
            'until half an hour after the new one is ready'
          )}
          .{ready ? ' Put the new one into your tools before that.' : ''}
        </p>
      </Callout>
    </div>
  )
}

function Ending({
  words,
  detail,
  page,
  reference,
}: {
  words: Words
  detail: string | null
  page: ClaimPageData
  reference: string
}) {
  return (
    <Callout tone={words.tone} title="What to do now">
      {detail ? <p>“{detail}”</p> : null}
      <p>{words.next}</p>
      {words.askOrganizer ? (
        <OrganizerLine
          organizer={page.workshop?.organizer ?? null}
          subject={`My key for ${page.workshop?.title ?? 'a workshop'}`}
          reference={reference}
        />
      ) : null}
    </Callout>
  )
}

/**
 * The next key, where a giveaway's rules or staff allow one. Outside the window, or while nothing
 * is made, the page of the workshop says why.
 */
function ClaimAgain({
  again,
  page,
  asOf,
}: {
  again: NonNullable<ClaimView['again']>
  page: ClaimPageData
  asOf: string
}) {
  const { workshop, refused, urls } = page
  if (!again.now) {
    return (
      <Callout tone="plain" title="You can claim another key later.">
        <p>
          From <Time iso={again.from} now={asOf} />,{' '}
          <Countdown iso={again.from} asOf={asOf} passed="which is now: reload this page" />.
        </p>
      </Callout>
    )
  }
  const shut =
    workshop === null ||
    workshop.window !== 'open' ||
    workshop.paused !== null ||
    (workshop.kind === 'giveaway' && workshop.seats.left === 0)
  if (shut)
    return (
      <Callout tone="warning" title="No other key just now.">
        <p>
          You may have another one, but none is given out at the moment.{' '}
          <a className="prose-link" href={urls.workshop}>
            Its page
          </a>{' '}
          says why.
        </p>
      </Callout>
    )
  return (
    <div className="space-y-4">
      {refused ? (
        <Callout tone={refusedWords[refused].tone} title={refusedWords[refused].title}>
          <p>
            {refusedWords[refused].meaning} {refusedWords[refused].next}
          </p>
        </Callout>
      ) : null}
      <form method="post" action={urls.claim}>
        <button type="submit" className="button" data-kind="key" data-size="large">
          Claim another key
        </button>
      </form>
    </div>
  )
}

/**
 * For pages without a script: look again by hand, or by one's own choice every ten seconds, and
 * stop.
 */
function CheckAgain({ url, autoSeconds }: { url: string; autoSeconds: number | null }) {
  return (
    <div className="no-print mt-4 flex flex-wrap items-center gap-3">
      <ButtonLink to={url}>Check again</ButtonLink>
      {autoSeconds === null ? (
        <noscript>
          <a className="button" data-kind="quiet" href={`${url}?auto=10`}>
            Check every 10 seconds
          </a>
        </noscript>
      ) : (
        <p className="text-small text-soft">
          This page checks every {autoSeconds} seconds.{' '}
          <a className="inline-flex min-h-11 items-center prose-link" href={url}>
            Stop
          </a>
        </p>
      )}
    </div>
  )
}

/** What the page's one status region says: the step when it changes, or what a click did. */
function useStatus(step: string): [string, (words: string) => void] {
  const [said, say] = useState(step)
  useEffect(() => say(step), [step])
  return [said, say]
}

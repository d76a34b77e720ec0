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
import { AccountHelp, isMendable } from './account-help'
import type { ClaimPageData } from './claim-page-data'
import { ClaimProgress } from './claim-progress'
import { ClaimAgain, Ending, FormerKey, Replacing } from './claim-callouts'
import { deadMessage, endMessages, notTakenMessage, refusalMessages } from './claim-messages'
import { announcement, documentTitle, headline, phaseOf } from './claim-phase'
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
  const message = notTakenMessage(reason, page.workshop)
  const retryable =
    reason === 'paused' ||
    reason === 'switched-off' ||
    reason === 'full' ||
    reason === 'not-open-yet'
  const mendable = isMendable(reason) && page.workshop !== null
  const back = page.workshop
    ? { to: page.urls.workshop, label: page.workshop.title }
    : { to: '/', label: 'All workshops' }
  return (
    <PageShell title={message.title} lead={message.meaning} back={back}>
      <div className="mt-6 space-y-6">
        {page.workshop && mendable ? (
          <AccountHelp
            reason={reason}
            until={reason === 'account-too-new' ? page.oldEnoughAt : null}
            account={page.account}
            workshop={page.workshop}
            returnTo={page.urls.workshop}
          />
        ) : (
          <p>{message.next}</p>
        )}
        <div className="flex flex-wrap gap-3">
          {page.workshop ? (
            <ButtonLink kind={retryable ? 'ink' : 'plain'} to={page.urls.workshop}>
              {retryable ? 'Try again' : 'Back to the workshop'}
            </ButtonLink>
          ) : (
            <ButtonLink kind="ink" to="/">
              See all workshops
            </ButtonLink>
          )}
        </div>
        {message.askOrganizer ? (
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
  const [status, say] = useStatus(announcement(claim))
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
          {status}
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
            label={
              usable
                ? 'OpenRouter key'
                : claim.state === 'pending'
                  ? 'Being made'
                  : claim.state === 'refused'
                    ? 'Not made'
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
                'Unknown'
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
              message={refusalMessages[claim.refusal.reason]}
              detail={claim.refusal.detail}
              page={page}
              reference={claim.reference}
            />
          ) : null}
          {claim.end && claim.claimAgain === null ? (
            <Ending
              message={endMessages[claim.end.reason]}
              detail={null}
              page={page}
              reference={claim.reference}
            />
          ) : null}
          {claim.claimAgain ? (
            <ClaimAgain when={claim.claimAgain} page={page} asOf={claim.asOf} />
          ) : null}
          {phase === 'dead-upstream' ? (
            <Ending
              message={deadMessage(claim)}
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
              What you may use this key for
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

/** The line under the headline. */
function lead(claim: ClaimView): ReactNode {
  switch (phaseOf(claim)) {
    case 'queued':
      return 'Keys go out in order.'
    case 'working':
      return 'This usually takes a few seconds.'
    case 'delayed':
      return 'You keep your place.'
    case 'no-worker':
      return 'We’ll make your key as soon as we’re back.'
    case 'limits':
      return 'We are setting its limits.'
    case 'ready':
      return claim.replacing === 're-issue'
        ? 'The one on this page stops working.'
        : 'Copy it into your tool and start building.'
    case 'spent':
      return claim.key?.limitReset
        ? 'Its budget is used up until the next reset.'
        : 'Its whole budget is used up.'
    case 'dead-upstream':
      return deadMessage(claim).meaning
    case 'ended':
      return claim.end ? endMessages[claim.end.reason].meaning : 'You can no longer use it.'
    case 'refused':
      return claim.refusal ? refusalMessages[claim.refusal.reason].meaning : 'You have no key.'
  }
}

/**
 * For pages without a script: reload by hand, or every ten seconds until one stops it.
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

/** The text of the page's one status region: the step when it changes, or what a click did. */
function useStatus(step: string): [string, (text: string) => void] {
  const [status, say] = useState(step)
  useEffect(() => say(step), [step])
  return [status, say]
}

/**
 * One person's claim, from the queue to the end of the key. The same card in the same place in
 * every state.
 */
import { useEffect, useState, type ReactNode } from 'react'
import { useClaimPage, type ClaimWatch } from '~/client/use-claim-page'
import { useKeyTest } from '~/client/use-key-test'
import { useRevealedKey } from '~/client/use-revealed-key'
import type { ClaimView } from '~/domain/claim/view-types'
import { ButtonLink } from '../base/button'
import type { ToolId } from '~/domain/workshop-file'
import type { ClaimPageData } from './claim-page-data'
import { Announcements } from './announcements'
import { ClaimProgress } from './claim-progress'
import { Ending, Extending } from './claim-callouts'
import { AskForMore, ClaimAgain, FormerKey, KeyOnHold, Unused } from './rare-parts'
import { deadMessage, endMessages, refusalMessages } from './claim-messages'
import { announcement, documentTitle, headline, phaseOf } from './claim-phase'
import { BudgetNotes, budgetOnCard, lookOf, spentShare } from './budget-notes'
import { RevealUrlProvider } from './reveal-url'
import { ConnectionBar } from '../base/connection-bar'
import { KeyCard } from './key-card'
import { KeyActions, KeyEndings, KeyUse } from './key-panel'
import { Material, MoreLinks } from './material'
import { NotTaken } from './not-taken'
import { PageShell } from '../base/page-shell'
import { SayProvider } from '../base/say'
import { Countdown, EventZoneProvider, Time } from '../base/time'
import { capNote } from './workshop-facts'

const noTools: ToolId[] = []

export function ClaimPage({ page: loaded }: { page: ClaimPageData }) {
  const { page, watch, refresh } = useClaimPage(loaded)
  return (
    <EventZoneProvider value={page.workshop?.timezone ?? null}>
      {page.claim ? (
        <TakenClaim page={page} claim={page.claim} watch={watch} refresh={refresh} />
      ) : (
        <NotTaken page={page} reason={page.refused ?? 'no-such-workshop'} />
      )}
    </EventZoneProvider>
  )
}

function TakenClaim({
  page,
  claim,
  watch,
  refresh,
}: {
  page: ClaimPageData
  claim: ClaimView
  watch: ClaimWatch
  refresh: () => Promise<void>
}) {
  const { workshop, urls } = page
  const [status, say] = useStatus(announcement(claim))
  const revealed = useRevealedKey(urls.reveal, say)
  const test = useKeyTest(urls.test, say, () => void refresh())
  const title = workshop?.title ?? claim.workshopSlug
  const phase = phaseOf(claim)
  useEffect(() => {
    document.title = documentTitle(claim, title)
  }, [claim, title])
  const { key } = claim
  const isHeld = phase === 'held'
  const usable =
    claim.state === 'ready' &&
    key !== null &&
    phase !== 'dead-upstream' &&
    phase !== 'replacing' &&
    !isHeld
  const cap = capNote(key ? key.limitReset : (workshop?.keyLimitReset ?? null))
  const onCard = key
    ? budgetOnCard(key, cap)
    : { number: workshop?.keyLimit.text ?? 'Not set', note: cap }
  const share = key && usable ? spentShare(key) : null
  return (
    <SayProvider value={say}>
      <PageShell wide steady title={headline(claim)} back={{ to: urls.workshop, label: title }}>
        <p role="status" className="sr-only">
          {status}
        </p>
        <p className="mt-3 min-h-14 text-lead text-soft">{lead(claim)}</p>
        <Announcements shown={workshop?.announcements ?? []} />

        <div className="mt-4 grid gap-x-16 gap-y-8 lg:grid-cols-[minmax(0,27rem)_minmax(0,1fr)]">
          <div className="space-y-6 self-start lg:sticky lg:top-6">
            <KeyCard
              state={
                phase === 'dead-upstream' || phase === 'replacing' || isHeld
                  ? 'ended'
                  : phase === 'limits'
                    ? 'pending'
                    : claim.state
              }
              look={key && usable ? lookOf(key) : 'good'}
              title={title}
              holder={page.holder}
              reference={claim.reference}
              label={cardLabel(claim)}
              keyText={claim.state === 'ended' ? null : (revealed.key ?? key?.label ?? null)}
              cap={onCard.number}
              capNote={onCard.note}
              spent={
                share === null || !key?.used
                  ? null
                  : { share, text: `${onCard.number} ${onCard.note}` }
              }
              hasEnded={claim.end !== null}
              ends={
                claim.end ? (
                  <Time short iso={claim.end.endedAt} now={claim.asOf} />
                ) : (
                  <>
                    <Countdown iso={claim.expiresAt} asOf={claim.asOf} passed="now" />
                    <span className="key-card-quiet block">
                      <Time short iso={claim.expiresAt} now={claim.asOf} />
                    </span>
                  </>
                )
              }
              steps={claim.steps}
            />
            {usable ? (
              <>
                <KeyActions
                  revealed={revealed}
                  revealable={key.revealable}
                  revealUrl={urls.reveal}
                  testUrl={urls.test}
                  test={test}
                />
                <BudgetNotes budget={key} asOf={claim.asOf} />
                {page.limitRequest ? (
                  <AskForMore
                    request={page.limitRequest}
                    budget={key}
                    url={urls.more}
                    asOf={claim.asOf}
                  />
                ) : null}
                <KeyEndings
                  replaceUrl={claim.replacing ? null : urls.replace}
                  claimId={claim.claimId}
                  isGiveaway={page.workshop?.kind === 'giveaway'}
                  isPaused={page.workshop?.paused != null}
                />
              </>
            ) : null}
          </div>

          <div className="max-w-read min-w-0 space-y-6">
            <ClaimState page={page} claim={claim} watch={watch} usable={usable} />
            {usable ? (
              <RevealUrlProvider value={key.revealable ? urls.reveal : null}>
                <Material page={page} reference={claim.reference} />
                <KeyUse
                  budget={key}
                  asOf={claim.asOf}
                  baseUrl={page.baseUrl}
                  origin={page.origin}
                  tools={workshop?.tools ?? noTools}
                />
                <MoreLinks workshop={workshop} />
              </RevealUrlProvider>
            ) : null}
          </div>
        </div>
        <ConnectionBar failures={watch.failures} lastGood={watch.lastGood} />
      </PageShell>
    </SayProvider>
  )
}

/** What is under way, or has ended, beside the card. */
function ClaimState({
  page,
  claim,
  watch,
  usable,
}: {
  page: ClaimPageData
  claim: ClaimView
  watch: ClaimWatch
  usable: boolean
}) {
  const { urls } = page
  return (
    <>
      {claim.replacing === 'extend' ? <Extending /> : null}
      {page.releaseAt && usable ? (
        <Unused page={page} at={page.releaseAt} asOf={claim.asOf} />
      ) : null}
      {claim.key?.hold && phaseOf(claim) === 'held' ? (
        <KeyOnHold page={page} claim={claim} hold={claim.key.hold} budget={claim.key} />
      ) : null}
      {claim.formerKey ? (
        <FormerKey former={claim.formerKey} asOf={claim.asOf} ready={claim.state === 'ready'} />
      ) : null}
      {claim.state === 'pending' ? (
        <ClaimProgress claim={claim} pulse={watch.pulse} stale={watch.failures >= 2} />
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
      {phaseOf(claim) === 'dead-upstream' ? (
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
    </>
  )
}

/** What the card holds, or why it holds nothing that works. */
function cardLabel(claim: ClaimView): string {
  const { key } = claim
  switch (phaseOf(claim)) {
    case 'refused':
      return 'Not made'
    case 'ended':
      return 'No longer valid'
    case 'held':
      return 'On hold'
    case 'dead-upstream':
      return 'Disabled'
    case 'replacing':
      return 'Being replaced'
    case 'spent':
      return key?.used && key.used.usd > key.limit.usd ? 'Over its budget' : 'Spent'
    case 'limits':
    case 'ready':
      return key?.unbound && key.revealable ? 'Any model, for now' : 'OpenRouter key'
    case 'queued':
    case 'working':
    case 'delayed':
    case 'no-worker':
      return 'Being made'
  }
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
    case 'replacing':
      return 'We are disabling the old one. The new one, with what is left, appears here.'
    case 'ready':
      if (claim.formerKey) return 'Switch your tools to it.'
      return claim.isReplacement
        ? 'Update your tools: the old one no longer works.'
        : 'Copy it into your tool and start building.'
    case 'spent':
      return claim.key?.limitReset
        ? 'Its budget is used up until the next reset.'
        : 'Its whole budget is used up.'
    case 'held':
      return claim.key?.hold?.state === 'resuming'
        ? 'We are enabling it at the provider. This takes a few seconds.'
        : 'It was spending too fast. What is left on it is still yours.'
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

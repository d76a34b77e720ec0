/**
 * How a workshop and the whole system fare, in one line and with the reasons. Pure: facts in, words
 * out.
 */
import { formatUsd, type NanoUsd } from '~/money'

/** `act`: somebody should do something now. `watch`: not as it should be, and it may pass. */
export type Verdict = 'well' | 'watch' | 'act'
export type Reason = { verdict: Verdict; words: string }
export type Health = { verdict: Verdict; line: string; reasons: Reason[] }

export type WorkshopFacts = {
  broken: boolean
  fileGone: boolean
  window: 'upcoming' | 'open' | 'closed' | null
  total: number
  pending: number
  ready: number
  refused: number
  unbound: number
  setAside: number
  bindError: string | null
  disabled: number
  missing: number
  overLimit: number
  overrun: NanoUsd
  committed: NanoUsd
  poolLimit: NanoUsd | null
  seatsLeft: number | null
  oldestWaitSeconds: number | null
}

export type SystemFacts = {
  workersSeen: number
  workerSeenSecondsAgo: number | null
  provisioningEnabled: boolean
  pausedReason: string | null
  cooling: { reason: string; seconds: number } | null
  oldestWaitSeconds: number | null
  waiting: number
  calls: { total: number; failed: number; minutes: number }
  creditsLeft: NanoUsd | null
  /** What all open and coming workshops may still cost; null where one of them has no bound. */
  worstCase: NanoUsd | null
  openWorkshops: number
  brokenFiles: number
}

const slowSeconds = 20
const stuckSeconds = 90
const fewCalls = 5

export function workshopHealth(facts: WorkshopFacts): Health {
  const reasons: Reason[] = []
  const say = (verdict: Verdict, words: string) => void reasons.push({ verdict, words })
  if (facts.broken)
    say(
      'act',
      'The file has a mistake, so nobody can claim until it is repaired. Keys given out keep working.',
    )
  if (facts.fileGone)
    say(
      'watch',
      'There is no file of this name any more, so the workshop is closed. Keys given out keep working.',
    )
  if (facts.oldestWaitSeconds !== null && facts.oldestWaitSeconds > slowSeconds)
    say(
      facts.oldestWaitSeconds > stuckSeconds ? 'act' : 'watch',
      `Somebody has been waiting for a key for ${seconds(facts.oldestWaitSeconds)}.`,
    )
  if (facts.setAside > 0)
    say(
      'act',
      `The provider refused to limit ${count(facts.setAside, 'key')}: bind again once the cause is gone.`,
    )
  const trying = facts.unbound - facts.setAside
  if (trying > 0)
    say(
      'watch',
      `${count(trying, 'key')} ${trying === 1 ? 'has' : 'have'} no model limits yet${facts.bindError ? `: ${facts.bindError.replace(/\.$/, '')}` : ', which is tried again by itself'}.`,
    )
  if (facts.missing > 0)
    say(
      'act',
      `${count(facts.missing, 'key')} of ready claims cannot be found at the provider: issue them again.`,
    )
  if (facts.refused > 0)
    say(
      'watch',
      `${count(facts.refused, 'claim')} ${facts.refused === 1 ? 'was' : 'were'} refused and can be tried again.`,
    )
  if (facts.disabled > 0)
    say('watch', `${count(facts.disabled, 'key')} ${facts.disabled === 1 ? 'is' : 'are'} disabled.`)
  if (facts.overrun > 0n)
    say(
      'watch',
      `${formatUsd(facts.overrun)} were spent beyond what was held for the keys: requests in flight pass a cap.`,
    )
  if (facts.poolLimit !== null && facts.committed > facts.poolLimit)
    say(
      'act',
      `${formatUsd(facts.committed)} are committed, more than the pool of ${formatUsd(facts.poolLimit)}. No new key is made.`,
    )
  else if (facts.window !== 'closed' && facts.seatsLeft === 0)
    say('watch', 'The room is full: no more keys fit.')
  else if (
    facts.window === 'open' &&
    facts.poolLimit !== null &&
    facts.committed * 5n >= facts.poolLimit * 4n
  )
    say('watch', 'More than four fifths of the pool are committed.')
  if (facts.overLimit > 0)
    say(
      'well',
      `${count(facts.overLimit, 'key')} ${facts.overLimit === 1 ? 'has' : 'have'} spent the cap.`,
    )
  return healthOf(reasons, workshopLine(facts))
}

export function systemHealth(facts: SystemFacts): Health {
  const reasons: Reason[] = []
  const say = (verdict: Verdict, words: string) => void reasons.push({ verdict, words })
  if (facts.workersSeen === 0) {
    say(
      'act',
      facts.workerSeenSecondsAgo === null
        ? 'No worker has ever been seen: keys are not made. Start `npm run worker`.'
        : `No worker was seen for ${seconds(facts.workerSeenSecondsAgo)}: keys are not made. Look at the worker processes.`,
    )
  }
  if (!facts.provisioningEnabled)
    say(
      facts.openWorkshops > 0 ? 'act' : 'watch',
      'Making keys is switched off (PROVISIONING_ENABLED).',
    )
  if (facts.pausedReason !== null)
    say('watch', `Making keys is paused: ${facts.pausedReason.replace(/\.$/, '')}.`)
  if (facts.cooling)
    say(
      'watch',
      `Making keys waits ${seconds(facts.cooling.seconds)} for the provider: ${facts.cooling.reason}.`,
    )
  if (facts.oldestWaitSeconds !== null && facts.oldestWaitSeconds > slowSeconds)
    say(
      facts.oldestWaitSeconds > stuckSeconds ? 'act' : 'watch',
      `The oldest waiting job is ${seconds(facts.oldestWaitSeconds)} old, of ${facts.waiting} that wait.`,
    )
  const { total, failed, minutes } = facts.calls
  if (total >= fewCalls && failed * 20 > total)
    say(
      failed * 4 > total ? 'act' : 'watch',
      `${failed} of ${total} calls that make keys failed in the last ${minutes} minutes.`,
    )
  if (facts.brokenFiles > 0)
    say('act', `${count(facts.brokenFiles, 'workshop file')} cannot be read: see below.`)
  if (facts.creditsLeft === null)
    say('well', 'The credits left at the provider have not been read yet.')
  else if (facts.worstCase === null)
    say('watch', 'An open giveaway has no bound, so nobody can say whether the credits suffice.')
  else if (facts.creditsLeft < facts.worstCase)
    say(
      'act',
      `${formatUsd(facts.creditsLeft)} of credits are left at the provider, and the open workshops may still cost ${formatUsd(facts.worstCase)}. Add credits before the doors open.`,
    )
  return healthOf(reasons, null)
}

function workshopLine(facts: WorkshopFacts): string {
  if (facts.total === 0)
    return facts.window === 'upcoming' ? 'The doors are not open yet.' : 'Nobody has claimed yet.'
  const parts = [
    `${facts.ready} ready`,
    facts.pending > 0 ? `${facts.pending} waiting` : null,
    facts.refused > 0 ? `${facts.refused} refused` : null,
    facts.unbound > 0 ? `${facts.unbound} unbound` : null,
  ]
  return `${count(facts.total, 'claim')}: ${parts.filter((part) => part !== null).join(', ')}.`
}

function healthOf(reasons: Reason[], line: string | null): Health {
  const worst =
    (['act', 'watch'] as const).find((verdict) =>
      reasons.some((reason) => reason.verdict === verdict),
    ) ?? 'well'
  const open = reasons.filter((reason) => reason.verdict === worst && worst !== 'well')
  const order: Verdict[] = ['act', 'watch', 'well']
  const said =
    line ??
    (open.length === 0
      ? 'Everything works.'
      : `${open[0]?.words ?? ''}${open.length > 1 ? ` And ${open.length - 1} more.` : ''}`)
  return {
    verdict: worst,
    line: said,
    reasons: reasons.sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict)),
  }
}

const count = (number: number, noun: string) =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`

function seconds(amount: number): string {
  if (amount < 120) return `${Math.round(amount)} s`
  return amount < 7_200 ? `${Math.round(amount / 60)} min` : `${Math.round(amount / 3_600)} h`
}

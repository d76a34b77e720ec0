/** The steps, the estimated wait and the next poll of a claim: pure functions of one query's row. */
import type { ClaimView, StepName, StepView } from './view-types'

const stepNames: readonly StepName[] = ['queued', 'checking', 'creating', 'limits', 'ready']

export type Progress = {
  state: ClaimView['state']
  /** A worker has taken the mint up at least once. */
  taken: boolean
  /** A call to the provider is under way. */
  calling: boolean
  delayed: boolean
  bound: boolean
  revealable: boolean
}

/** Index into stepNames of what is being done now; 4 means all is done. */
export function currentStep(progress: Progress): number {
  if (progress.state === 'ready') return progress.bound || progress.revealable ? 4 : 3
  if (progress.state !== 'pending') return 0
  if (progress.calling) return 2
  return progress.taken || progress.delayed ? 1 : 0
}

export type StepSeconds = Partial<Record<StepName, number | null>>

export function stepViews(progress: Progress, took: StepSeconds = {}): StepView[] {
  return statesOf(progress).map((step) =>
    step.state === 'done' ? { ...step, seconds: took[step.name] ?? null } : step,
  )
}

function statesOf(progress: Progress): StepView[] {
  const current = currentStep(progress)
  const stopped = progress.state === 'refused'
  return stepNames.map((name, index) => {
    if (progress.state === 'ready' && current === 4)
      return { name, state: name === 'limits' && !progress.bound ? 'problem' : 'done' }
    if (index < current) return { name, state: 'done' }
    if (index === current) return { name, state: stopped || progress.delayed ? 'problem' : 'now' }
    return { name, state: 'next' }
  })
}

/** Fewer finished mints than this make no estimate. */
const minSamples = 5

/**
 * The estimated wait as a range of seconds, from how long recent mints took and how many run at
 * once; slightly pessimistic. Null without enough samples.
 */
export function estimateSeconds(
  peopleAhead: number,
  recentMintSeconds: number[],
  slots: number,
): { from: number; to: number } | null {
  if (recentMintSeconds.length < minSamples || slots < 1) return null
  const sorted = [...recentMintSeconds].sort((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  const rounds = Math.ceil((peopleAhead + 1) / slots)
  const from = Math.max(1, Math.floor(rounds * at(0.25)))
  return { from, to: Math.max(from + 1, Math.ceil(rounds * at(0.9) * 1.5) + 1) }
}

/** Milliseconds until the next poll, or null when nothing more will change. */
export function nextPollMs(
  progress: Progress,
  waiting: { peopleAhead: number; retryInSeconds: number } | null,
): number | null {
  if (progress.state === 'refused' || progress.state === 'ended') return null
  if (progress.state === 'ready')
    return progress.bound ? 30_000 : progress.revealable ? 10_000 : 1_000
  if (waiting && waiting.retryInSeconds > 10) return 5_000
  return waiting && waiting.peopleAhead > 60 ? 2_000 : 1_000
}

/**
 * Polls one claim, or one workshop. The server sets the interval; a hidden page does not poll; a page that is shown
 * again polls at once. Only our JSON is an answer: captive portals answer 200 with their own page.
 */
import type { ClaimPulse } from '~/domain/claim/view-types'

/** What is polled; `next` is when to ask again, null is never. */
export type Polled = { next: number | null }

export type PollAnswer<Pulse extends Polled = ClaimPulse> =
  | { kind: 'pulse'; pulse: Pulse }
  /** Many watch: nothing was looked up, and the server says when to ask again. */
  | { kind: 'later'; ms: number }
  | { kind: 'gone' }
  | { kind: 'failed' }

export type Watch<Pulse extends Polled = ClaimPulse> = {
  /**
   * Failed polls since the last good one. From the second on, the page says that it is
   * reconnecting.
   */
  failures: number
  pulse: Pulse | null
}

/** +-20 %, so that people who clicked together do not poll together. */
export function jittered(milliseconds: number, random: number): number {
  return Math.round(milliseconds * (0.8 + 0.4 * random))
}

/** After a failure: 2 s, 4 s, 8 s, then every 15 s. Short at first: bad wifi recovers quickly. */
export function delayAfterFailure(failures: number): number {
  return Math.min(15_000, 2_000 * 2 ** Math.max(0, failures - 1))
}

/** When to poll next after this answer, or null to stop. */
export function nextDelay<Pulse extends Polled>(
  answer: PollAnswer<Pulse>,
  failures: number,
  random: number,
): number | null {
  if (answer.kind === 'gone') return null
  if (answer.kind === 'failed') return jittered(delayAfterFailure(failures), random)
  if (answer.kind === 'later') return jittered(answer.ms, random)
  return answer.pulse.next === null ? null : jittered(Math.max(500, answer.pulse.next), random)
}

/** What an answer of a status address means; `isOurs` recognises what is polled. */
export async function readPolled<Pulse extends Polled>(
  response: Response,
  isOurs: (body: unknown) => body is Pulse,
): Promise<PollAnswer<Pulse>> {
  const isJson = response.headers.get('Content-Type')?.includes('application/json') ?? false
  if (!isJson) return { kind: 'failed' }
  if (response.status === 401 || response.status === 404) return { kind: 'gone' }
  if (!response.ok) return { kind: 'failed' }
  const body: unknown = await response.json()
  if (isLater(body)) return { kind: 'later', ms: body.later }
  return isOurs(body) ? { kind: 'pulse', pulse: body } : { kind: 'failed' }
}

export function isClaimPulse(body: unknown): body is ClaimPulse {
  return (
    typeof body === 'object' &&
    body !== null &&
    'v' in body &&
    typeof body.v === 'string' &&
    'step' in body &&
    'next' in body
  )
}

function isLater(body: unknown): body is { later: number } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'later' in body &&
    typeof body.later === 'number' &&
    body.later > 0
  )
}

export type Watcher = { stop(): void; wake(): void }

/**
 * Polls until the server says that nothing more will change. `wake` polls at once, unless a poll is
 * under way.
 */
export function watch<Pulse extends Polled = ClaimPulse>(options: {
  firstDelayMs: number
  ask: (signal: AbortSignal) => Promise<PollAnswer<Pulse>>
  isHidden: () => boolean
  random: () => number
  onWatch: (state: Watch<Pulse>) => void
  onGone: () => void
}): Watcher {
  let state: Watch<Pulse> = { failures: 0, pulse: null }
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: AbortController | null = null
  let stopped = false

  function schedule(delayMs: number | null) {
    clearTimeout(timer)
    if (delayMs === null) stopped = true
    else timer = setTimeout(() => void poll(), delayMs)
  }

  async function poll(): Promise<void> {
    if (stopped || asking || options.isHidden()) return
    const own = (asking = new AbortController())
    const timeout = setTimeout(() => own.abort(), 10_000)
    const answer = await options
      .ask(own.signal)
      .catch((): PollAnswer<Pulse> => ({ kind: 'failed' }))
    clearTimeout(timeout)
    asking = null
    if (stopped) return
    // A request that failed because the page was hidden says nothing about the connection.
    if (answer.kind === 'failed' && options.isHidden()) return
    state =
      answer.kind === 'pulse'
        ? { failures: 0, pulse: answer.pulse }
        : answer.kind === 'later'
          ? { ...state, failures: 0 }
          : { ...state, failures: answer.kind === 'failed' ? state.failures + 1 : state.failures }
    schedule(nextDelay(answer, state.failures, options.random()))
    options.onWatch(state)
    if (answer.kind === 'gone') options.onGone()
  }

  schedule(options.firstDelayMs)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      asking?.abort()
    },
    wake() {
      if (stopped || asking) return
      clearTimeout(timer)
      void poll()
    },
  }
}

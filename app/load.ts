/**
 * Overload is shaped: when more people watch than this process can answer, each answer says when to
 * ask again, later than usual; page views wait in a short queue; and what fits nowhere gets a message
 * that says so. A poll is never refused.
 */
import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import type { NextFunction, Request, Response } from 'express'
import { stretched } from './stretch'

/** One look at the process, over the time since the look before. */
export type LoadSample = {
  /** Of the event loop, 0 to 1. */
  utilization: number
  /** How long the requests of that time waited for their turn, on average. */
  waitMs: number
  /** Polls that came, and those that were answered with what they asked. */
  polls: number
  answered: number
}

const wantedUtilization = 0.75
const wantedWaitMs = 60
const maxStretch = 30
/** At most so much at once: what was told takes a whole interval to be heard by everybody. */
const maxStep = 3

/** How many times longer than usual watchers shall wait now. */
export function nextStretch(stretch: number, sample: LoadSample): number {
  const unanswered = sample.polls - sample.answered
  const excess = Math.max(
    sample.utilization / wantedUtilization,
    Math.min(2, sample.waitMs / wantedWaitMs),
    unanswered > 0.05 * sample.polls ? sample.polls / Math.max(1, sample.answered) : 0,
  )
  if (excess > 1.05) return Math.min(maxStretch, stretch * Math.min(maxStep, excess))
  return excess < 0.8 ? Math.max(1, stretch * Math.max(0.7, excess)) : stretch
}

type Waiter = { run: () => void; giveUp: () => void; timer: NodeJS.Timeout; since: number }

/** So many at once, so many more in line for so long, first come first served. */
export class Lane {
  private underway = 0
  private line: Waiter[] = []
  private waitedMs = 0
  private begun = 0

  constructor(private readonly limits: { atOnce: number; inLine: number; patienceMs: number }) {}

  /** Runs `begin` when there is room, and hands it what to call at its end; `refuse` when there is none. */
  enter(begin: (end: () => void) => void, refuse: () => void, { first = false } = {}): void {
    const since = performance.now()
    const run = () => {
      this.underway++
      this.begun++
      this.waitedMs += performance.now() - since
      let ended = false
      begin(() => {
        if (ended) return
        ended = true
        this.underway--
        this.next()
      })
    }
    if (this.underway < this.limits.atOnce) return run()
    if (this.line.length >= this.limits.inLine) return refuse()
    const waiter: Waiter = {
      run,
      giveUp: refuse,
      since,
      timer: setTimeout(() => {
        this.line.splice(this.line.indexOf(waiter), 1)
        refuse()
      }, this.limits.patienceMs),
    }
    if (first) this.line.unshift(waiter)
    else this.line.push(waiter)
  }

  /** Since the last look: how many began, and how long they had waited on average. */
  look(): { begun: number; waitMs: number } {
    const seen = { begun: this.begun, waitMs: this.begun === 0 ? 0 : this.waitedMs / this.begun }
    this.begun = this.waitedMs = 0
    return seen
  }

  private next(): void {
    const waiter = this.line.shift()
    if (!waiter) return
    clearTimeout(waiter.timer)
    waiter.run()
  }
}

const lookMs = 1_000
/** The page's usual interval; a poll without a turn has no claim at hand to take it from. */
const usualPollMs = 1_000
const statusPath = /^\/w\/[^/]+\/claim\/status$/

export type Load = {
  stretch(): number
  shape(request: Request, response: Response, next: NextFunction): void
  stop(): void
}

/** `connections`: of this process to the database. A request beyond them would only wait in there. */
export function createLoad({ connections }: { connections: number }): Load {
  const polls = new Lane({ atOnce: 2 * connections, inLine: 20 * connections, patienceMs: 300 })
  const pages = new Lane({ atOnce: 2 * connections, inLine: 40 * connections, patienceMs: 8_000 })
  let stretch = 1
  let arrived = 0
  let lookedAt = performance.now()
  let before: EventLoopUtilization = performance.eventLoopUtilization()

  const look = () => {
    // What was told is heard by everybody after one interval; looking sooner counts it twice.
    if (performance.now() - lookedAt < 0.9 * stretched(lookMs, stretch)) return
    lookedAt = performance.now()
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    const [poll, page] = [polls.look(), pages.look()]
    stretch = nextStretch(stretch, {
      utilization,
      waitMs: Math.max(poll.waitMs, page.waitMs),
      polls: arrived,
      answered: poll.begun,
    })
    arrived = 0
  }
  const timer = setInterval(look, lookMs)
  timer.unref()

  return {
    stretch: () => stretch,
    stop: () => clearInterval(timer),
    shape(request, response, next) {
      const begin = (end: () => void) => {
        response.once('close', end)
        next()
      }
      if (request.method === 'GET' && statusPath.test(request.path)) {
        arrived++
        return polls.enter(begin, () =>
          response.json({ later: stretched(usualPollMs, Math.max(2, stretch)) }),
        )
      }
      // What somebody sends is worth more than what somebody looks at.
      const first = request.method !== 'GET' && request.method !== 'HEAD'
      pages.enter(begin, () => refuseBusy(response), { first })
    },
  }
}

/** The last resort. It needs neither the database nor a route. */
function refuseBusy(response: Response): void {
  response
    .status(503)
    .set({ 'Retry-After': '5', Refresh: '5' })
    .type('html')
    .send(
      '<!doctype html><html lang="en"><meta charset="utf-8">' +
        '<meta name="viewport" content="width=device-width"><title>Too busy</title>' +
        '<h1>We are too busy at the moment</h1>' +
        '<p>Many people are here at once. Your keys and claims are safe.</p>' +
        '<p>This page tries again in five seconds.</p></html>\n',
    )
}

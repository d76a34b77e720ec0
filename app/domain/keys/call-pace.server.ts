/**
 * Takes turns for calls that make keys: this worker's part of what the account allows at once, and
 * the pace of their starts. Workers share one row per account and meet there twice a second; no call
 * waits for it. What the answers mean is decided in pace.ts.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '~/adapters/db.server'
import type { Log } from '~/adapters/log.server'
import {
  afterCohort,
  firstPace,
  meetsLimit,
  paceFrom,
  shareOf,
  spacingMs,
  type Cohort,
  type Pace,
} from './pace'
import type { CallEnd, Turn, CallPace } from '../call-pace'

const syncMs = 500
const leaseMs = 2_000
/** Refusals of one burst arrive together; the cut waits for the last of them. */
const settleMs = 40
const minCohort = 20
const minCleanCohort = 10
const maxHoldMs = 1_000
const maxFolds = 5

type Open = Omit<Cohort, 'complete' | 'workers' | 'callMs'> & {
  out: number
  startedAt: number
  lastSentAt: number
  folded: boolean
}

export function createCallPace(options: {
  db: Db
  log: Log
  /** MINT_CONCURRENCY: calls at once of one account, all workers together. */
  ceiling: number
}): CallPace {
  const worker = randomUUID()
  const accounts = new Map<string, AccountPace>()
  return {
    take(id, { first = false } = {}) {
      let account = accounts.get(id)
      if (!account) accounts.set(id, (account = new AccountPace(id, worker, options)))
      return account.take(first)
    },
  }
}

class AccountPace {
  private pace: Pace = firstPace()
  private workers = { count: 1, rank: 0 }
  private out = 0
  /** Of these, calls that the provider has in hand. */
  private calling = 0
  private held = 0
  private waiting: (() => void)[] = []
  private nextStartAt = 0
  private callMs = 300
  private cohort: Open | null = null
  private lastSentAt = 0
  private told: Open[] = []
  private syncedAt = -Infinity
  private syncing: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null
  private starter: NodeJS.Timeout | null = null

  constructor(
    private readonly id: string,
    private readonly worker: string,
    private readonly options: { db: Db; log: Log; ceiling: number },
  ) {}

  async take(first: boolean): Promise<Turn> {
    if (performance.now() - this.syncedAt > 2 * syncMs) await this.sync()
    this.keepSyncing()
    await new Promise<void>((resolve) => {
      if (first) this.waiting.unshift(resolve)
      else this.waiting.push(resolve)
      this.startNext()
    })
    return this.turn()
  }

  private get share(): number {
    return shareOf(this.pace, this.workers, this.options.ceiling)
  }

  /** Starts whoever waits, as far as slots and pace allow. */
  private startNext(): void {
    while (this.waiting.length > 0) {
      if (this.out + this.held >= this.share) {
        if (this.cohort) this.cohort.windowBound = true
        return
      }
      const now = performance.now()
      if (now < this.nextStartAt) {
        if (this.cohort) this.cohort.paceBound = true
        this.starter ??= setTimeout(() => {
          this.starter = null
          this.startNext()
        }, this.nextStartAt - now)
        return
      }
      const pause = spacingMs(this.pace, this.share, {
        workers: this.workers.count,
        ceiling: this.options.ceiling,
        callMs: this.callMs,
      })
      // A timer that fires late does not slow the pace down.
      this.nextStartAt = Math.max(now - 2 * pause, this.nextStartAt) + pause
      this.out++
      this.waiting.shift()?.()
    }
  }

  private turn(): Turn {
    const startedAt = performance.now()
    const cohort = this.cohortNow(startedAt)
    cohort.sent++
    cohort.out++
    cohort.lastSentAt = this.lastSentAt = startedAt
    let isSent = false
    return {
      sent: () => {
        isSent = true
        this.calling++
      },
      unused: () => {
        cohort.sent--
        cohort.out--
        this.out--
        this.startNext()
      },
      end: (how) => {
        if (isSent) this.calling--
        return this.end(cohort, how, startedAt)
      },
    }
  }

  private cohortNow(now: number): Open {
    const open = this.cohort
    if (open && !this.isOver(open, now)) return open
    if (open && !open.folded && open.out === 0) this.tell(open)
    const fresh: Open = {
      epoch: this.pace.epoch,
      sent: 0,
      refused: 0,
      failed: 0,
      besides: 0,
      windowBound: this.waiting.length > 0 && this.out >= this.share,
      paceBound: false,
      spanMs: this.lastSentAt,
      answers: '',
      out: 0,
      startedAt: now,
      lastSentAt: now,
      folded: false,
    }
    return (this.cohort = fresh)
  }

  /** A cohort is a window of calls; a clean one may be smaller, so that growth need not wait. */
  private isOver(open: Open, now: number): boolean {
    if (open.folded || open.epoch !== this.pace.epoch) return true
    if (open.sent >= Math.max(minCohort, this.share)) return true
    const enough = open.refused + open.failed > 0 ? minCohort : minCleanCohort
    return open.sent >= enough && now - open.startedAt >= 0.9 * this.callMs
  }

  private async end(cohort: Open, how: CallEnd, startedAt: number): Promise<'go-on' | 'close'> {
    const took = performance.now() - startedAt
    cohort.out--
    this.out--
    if (how === 'accepted') this.callMs = 0.8 * this.callMs + 0.2 * took
    if (how === 'accepted' || how === 'refused' || how === 'failed')
      cohort.answers += how === 'accepted' ? '.' : 'x'
    else cohort.sent--
    if (how === 'refused' || how === 'failed') {
      cohort[how]++
      cohort.besides = this.calling
      // A refusal comes back at once: its slot stays taken for the time of a call, so that refused
      // calls do not go faster than accepted ones.
      await this.hold(Math.min(maxHoldMs, this.callMs) - took, cohort)
    } else this.startNext()
    const isIdle = this.out === 0
    if (cohort.out > 0 || cohort.folded || cohort.sent === 0) return 'go-on'
    const isWhole = cohort !== this.cohort || cohort.sent >= minCohort
    const allRefused = cohort.refused > 0.9 * cohort.sent
    if (isWhole || (isIdle && allRefused)) return this.fold(cohort, true)
    return 'go-on'
  }

  /** Frees the slot later, and meanwhile cuts the limit when so much was refused already. */
  private async hold(ms: number, cohort: Open): Promise<void> {
    this.held++
    setTimeout(
      () => {
        this.held--
        this.startNext()
      },
      Math.max(0, ms),
    )
    if (cohort.folded || !meetsLimit(cohort)) return
    await sleep(settleMs)
    if (!cohort.folded && cohort.out > 0) await this.fold(cohort, false)
  }

  /** Kept for the next meeting: nothing waits for it. */
  private tell(cohort: Open): void {
    cohort.folded = true
    this.told.push(cohort)
  }

  private async fold(cohort: Open, complete: boolean): Promise<'go-on' | 'close'> {
    cohort.folded = true
    return this.write([cohort], complete)
  }

  private async write(cohorts: Open[], complete: boolean): Promise<'go-on' | 'close'> {
    if (cohorts.length === 0) return 'go-on'
    try {
      for (let tries = 0; tries < maxFolds; tries++) {
        const { version, now } = await this.read()
        let pace = this.pace
        let close = false
        for (const open of cohorts) {
          const after = afterCohort(pace, this.asCohort(open, complete), {
            ceiling: this.options.ceiling,
            now,
          })
          pace = after.pace
          close ||= after.close
        }
        const written = await this.options.db.$executeRaw`
          update keymint.accounts set pace = ${JSON.stringify(pace)}::jsonb, pace_version = pace_version + 1
          where id = ${this.id}::uuid and pace_version = ${version}::int`
        if (written !== 1) continue
        if (pace.limit !== this.pace.limit || pace.perSecond !== this.pace.perSecond)
          this.options.log.info(
            { account: this.id, from: this.pace.limit, to: pace.limit, perSecond: pace.perSecond },
            'the number of calls at once has changed',
          )
        this.pace = pace
        this.startNext()
        return close ? 'close' : 'go-on'
      }
    } catch (error) {
      this.options.log.warn({ error, account: this.id }, 'the pace of calls could not be written')
    }
    return 'go-on'
  }

  private asCohort(open: Open, complete: boolean): Cohort {
    return {
      ...open,
      complete,
      spanMs: open.spanMs === 0 ? 0 : open.lastSentAt - open.spanMs,
      callMs: this.callMs,
      workers: this.workers.count,
    }
  }

  /** Renews this worker's lease, and reads the pace and how many share it. */
  private async read(): Promise<{ version: number; now: number }> {
    const [row] = await this.options.db.$queryRaw<
      { pace: unknown; version: number; others: number; rank: number; now: number }[]
    >`
      with lease as (
        insert into keymint.pace_leases (account, worker) values (${this.id}::uuid, ${this.worker}::uuid)
        on conflict (account, worker) do update set seen_at = now()),
      others as (
        select worker from keymint.pace_leases where account = ${this.id}::uuid
          and worker <> ${this.worker}::uuid and seen_at > now() - make_interval(secs => ${leaseMs / 1_000}::int))
      select pace, pace_version as version, (select count(*) from others)::int as others,
        (select count(*) from others where worker < ${this.worker}::uuid)::int as rank,
        (extract(epoch from clock_timestamp()) * 1000)::float8 as now
      from keymint.accounts where id = ${this.id}::uuid`
    const now = row?.now ?? 0
    this.pace = paceFrom(row?.pace)
    this.workers = { count: (row?.others ?? 0) + 1, rank: row?.rank ?? 0 }
    this.syncedAt = performance.now()
    return { version: row?.version ?? 0, now }
  }

  /** Without an answer the last known part goes on: the database's absence stops mints elsewhere. */
  private sync(): Promise<void> {
    this.syncing ??= (async () => {
      try {
        // Leases of workers that have long ended.
        if (this.syncedAt === -Infinity)
          await this.options.db
            .$executeRaw`delete from keymint.pace_leases where seen_at < now() - interval '1 hour'`
        const told = this.told.splice(0)
        if (told.length > 0) await this.write(told, true)
        else await this.read()
        this.startNext()
      } catch (error) {
        this.options.log.warn({ error, account: this.id }, 'the pace of calls could not be read')
      } finally {
        this.syncing = null
      }
    })()
    return this.syncing
  }

  private keepSyncing(): void {
    if (this.timer) return
    this.timer = setTimeout(() => {
      this.timer = null
      const open = this.cohort
      // What a quiet time leaves behind is told too: staff read it.
      if (open && !open.folded && open.out === 0 && open.sent > 0 && this.waiting.length === 0)
        this.tell(open)
      const isBusy = this.out > 0 || this.held > 0 || this.waiting.length > 0
      if (isBusy || this.told.length > 0) void this.sync().then(() => isBusy && this.keepSyncing())
    }, syncMs)
    this.timer.unref()
  }
}

/**
 * What is allowed in a workshop file and perhaps not meant, with what it would cost. Pure. An
 * amount is what it may cost at worst beyond what was probably meant.
 */
import { formatUsd, type NanoUsd } from '~/money'
import { committedFor } from '../../domain/money/committed'
import { keysThatFit, worstCaseSpend } from '../../domain/workshop/worst-case'
import type { Workshop } from '../../domain/workshop-file'
import { counted } from '../../messages/text'
import { bothClocks, clockIn, clocksChangeBetween, hourIn, lengthOf } from './times'

export type Mistake = { field: string; message: string; cost: NanoUsd | null; remedy: string }

const DAY_MS = 86_400_000
const [firstLikelyHour, lastLikelyHour] = [7, 21]
const usual = { people: 400, keyLimit: 20_000_000_000n, lifeMs: 14 * DAY_MS, windowMs: 4 * DAY_MS }
const text = (amount: NanoUsd) => formatUsd(amount, { exact: true })

/** `before` is what runs now; null for a workshop that does not run yet. */
export function likelyMistakes(workshop: Workshop, before: Workshop | null, now: Date): Mistake[] {
  return [...ofMoney(workshop, before), ...ofLife(workshop), ...ofWindow(workshop, now)]
}

function ofMoney(workshop: Workshop, before: Workshop | null): Mistake[] {
  const at = workshop.claimsOpenAt ?? new Date(0)
  const worst = worstCaseSpend(workshop, at)
  const worstWith = (change: Partial<Workshop>) => worstCaseSpend({ ...workshop, ...change }, at)
  const more = (meant: NanoUsd | null) =>
    worst === null || meant === null || meant >= worst ? null : worst - meant
  const found: Mistake[] = []
  const grew = (now: NanoUsd | null, then: NanoUsd | null | undefined) =>
    now !== null && then !== null && then !== undefined && now >= then * 5n

  const { poolLimit, maxKeys, keyLimit } = workshop
  const seats = keysThatFit({ ...workshop, maxKeys: null }, at)
  if (poolLimit !== null && grew(poolLimit, before?.poolLimit))
    found.push({
      field: 'limit_usd',
      message: nowAndThen(text(poolLimit), text(before!.poolLimit!), poolLimit, before!.poolLimit!),
      cost: more(worstWith({ poolLimit: before!.poolLimit })),
      remedy: 'check the zeros and the decimal point',
    })
  else if (poolLimit !== null && maxKeys !== null && seats >= maxKeys * 5)
    found.push({
      field: 'limit_usd',
      message:
        `${text(poolLimit)} pays for ${counted(seats, 'key')}, and max_keys is ${maxKeys}: ` +
        'max_keys alone holds the rest back',
      cost: poolLimit - (worst ?? poolLimit),
      remedy: `write ${plain(worst ?? poolLimit)}, what ${counted(maxKeys, 'key')} can spend`,
    })
  else if (poolLimit !== null && maxKeys === null && seats > usual.people)
    found.push({
      field: 'limit_usd',
      message: `${text(poolLimit)} pays for ${counted(seats, 'person', 'people')}, and no max_keys limits them`,
      cost: more(worstWith({ poolLimit: poolLimit / 10n })),
      remedy: 'check the zeros, or add max_keys with the number of people you expect',
    })

  if (maxKeys !== null && before?.maxKeys && maxKeys >= before.maxKeys * 5)
    found.push({
      field: 'max_keys',
      message: nowAndThen(maxKeys, before.maxKeys, BigInt(maxKeys), BigInt(before.maxKeys)),
      cost: more(worstWith({ maxKeys: before.maxKeys })),
      remedy: 'check the zeros',
    })
  else if (maxKeys !== null && maxKeys > usual.people && workshop.kind === 'workshop')
    found.push({
      field: 'max_keys',
      message: `${maxKeys} is many for one workshop`,
      cost: more(worstWith({ maxKeys: Math.max(1, Math.floor(maxKeys / 10)) })),
      remedy: 'check the zeros',
    })

  if (grew(keyLimit, before?.keyLimit) || keyLimit > usual.keyLimit)
    found.push({
      field: 'key_limit_usd',
      message: `one leaked key may spend ${text(keyLimit)} ${workshop.keyLimitReset ?? ''}`.trim(),
      cost: keyLimit - keyLimit / 10n,
      remedy: 'check the zeros and the decimal point; 2 is usual for a day',
    })
  if (worst === null)
    found.push({
      field: 'limit_usd',
      message: 'neither limit_usd nor max_keys limits what this may cost',
      cost: null,
      remedy: 'add limit_usd',
    })
  return found
}

function ofLife(workshop: Workshop): Mistake[] {
  const { claimsOpenAt, claimsCloseAt, keyExpiresAt, keyExpiresInMs, keyLimit } = workshop
  const lastsMs =
    keyExpiresInMs ??
    (keyExpiresAt && claimsCloseAt ? keyExpiresAt.getTime() - claimsCloseAt.getTime() : 0)
  if (workshop.kind !== 'workshop' || lastsMs <= usual.lifeMs) return []
  const field = keyExpiresInMs === null ? 'key_expires_at' : 'key_expires_in'
  const from = claimsOpenAt ?? new Date(0)
  const perKey = (expiresAt: Date) =>
    committedFor({ keyLimit, reset: workshop.keyLimitReset, from, expiresAt })
  const long = perKey(keyExpiresAt ?? new Date(from.getTime() + lastsMs))
  const short = perKey(new Date((claimsCloseAt ?? from).getTime() + DAY_MS))
  return [
    {
      field,
      message: `keys work for ${lengthOf(lastsMs)} after ${
        keyExpiresInMs === null ? 'claims have closed' : 'the claim'
      }: whoever finds one can use what is left of it until then`,
      cost: long > short ? (long - short) * BigInt(keysThatFit(workshop, from)) : null,
      remedy: `let keys end soon after the event, such as ${
        keyExpiresInMs === null ? 'the day after' : '`key_expires_in: 36h`'
      }`,
    },
  ]
}

function ofWindow(workshop: Workshop, now: Date): Mistake[] {
  const { claimsOpenAt: opens, claimsCloseAt: closes, timezone } = workshop
  const found: Mistake[] = []
  const add = (field: string, message: string, remedy: string, cost: NanoUsd | null = null) =>
    void found.push({ field, message, cost, remedy })
  const worst = worstCaseSpend(workshop, opens ?? now)
  if (closes === null)
    add(
      'claims_close_at',
      'is missing: claims stay open until every key is gone',
      'add claims_close_at, unless it is meant to run without an end',
      worst,
    )
  if (opens && isUnlikely(opens, timezone))
    add(
      'claims_open_at',
      `opens at ${clockIn(opens, timezone)} in ${timezone}, which is an unlikely hour (${clockIn(opens, 'UTC')} UTC)`,
      `check the offset of the time, and timezone: ${timezone}`,
    )
  if (closes && closes <= now)
    add('claims_close_at', `has passed (${bothClocks(closes, timezone)})`, 'check the year')
  else if (opens && opens.getTime() - now.getTime() > 400 * DAY_MS)
    add('claims_open_at', `is ${lengthOf(opens.getTime() - now.getTime())} ahead`, 'check the year')
  if (!opens || !closes) return found
  if (closes.getTime() - opens.getTime() > usual.windowMs && workshop.kind === 'workshop')
    add(
      'claims_close_at',
      `claims are open for ${lengthOf(closes.getTime() - opens.getTime())}: ` +
        'people who are not at the event find the address too',
      'close claims when the event ends',
      worst,
    )
  const dayAround = (at: Date) =>
    [new Date(at.getTime() - DAY_MS), new Date(at.getTime() + DAY_MS)] as const
  if (
    clocksChangeBetween(...dayAround(opens), timezone) ||
    clocksChangeBetween(opens, closes, timezone)
  )
    add(
      'claims_open_at',
      `the clocks of ${timezone} change on these days, so an offset may be wrong by an hour`,
      `check that claims open at ${clockIn(opens, timezone)} and close at ${clockIn(closes, timezone)} on the wall`,
    )
  return found
}

export const isUnlikely = (at: Date, zone: string): boolean =>
  hourIn(at, zone) < firstLikelyHour || hourIn(at, zone) >= lastLikelyHour

const nowAndThen = (now: unknown, then: unknown, larger: bigint, smaller: bigint) =>
  `${String(now)} is ${Number((larger * 10n) / smaller) / 10} times what runs now (${String(then)})`
/** As a file writes it. */
export const plain = (amount: NanoUsd): string =>
  text(amount).replace(/[$,]/g, '').replace(/\.00$/, '')

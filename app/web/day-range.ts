/** The days that an address of the team's books asks for, and the ranges that it offers. */
import type { DayRange } from '~/domain/team/range.server'

export const maxDays = 366
const firstYear = '2000-01-01'

export type RangeAsked =
  /** The address names no day. */
  | { kind: 'none' }
  | { kind: 'range'; range: DayRange }
  /** What was typed, and why it is not a range. */
  | { kind: 'problem'; message: string; from: string; to: string }

export function rangeAsked(params: URLSearchParams, now: Date): RangeAsked {
  const names = [...params.keys()].filter((name) => /^(from|to)(\[.*)?$/.test(name))
  const [from, to] = (['from', 'to'] as const).map((name) => (params.get(name) ?? '').trim()) as [
    string,
    string,
  ]
  if (names.every((name) => name === 'from' || name === 'to') && from === '' && to === '')
    return { kind: 'none' }
  const message = problemOf(names, from, to, now.toISOString().slice(0, 10))
  return message === null
    ? { kind: 'range', range: { from, to } }
    : { kind: 'problem', message, from: from.slice(0, 10), to: to.slice(0, 10) }
}

function problemOf(names: string[], from: string, to: string, today: string): string | null {
  if (names.some((name) => name.includes('[')) || new Set(names).size < names.length)
    return 'The address names the first or the last day more than once. Enter each of them once.'
  if (from === '' || to === '') return 'Enter the first and the last day.'
  for (const day of [from, to])
    if (!isDay(day)) return 'Enter days of the calendar as 2026-04-14, in UTC.'
  if (from < firstYear) return 'The first day is too early. Enter a day from 2000-01-01 on.'
  if (to > today) return `The last day is in the future. Today is ${today} (UTC).`
  if (from > to) return 'The first day comes after the last day. Enter the earlier day first.'
  if (Date.parse(to) - Date.parse(from) >= maxDays * 86_400_000)
    return `That is more than a year. Choose at most ${maxDays} days.`
  return null
}

/** A day of the calendar: 30 February is none. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text
}

/** Ranges that people ask for most, up to today. */
export function rangePresets(now: Date): { label: string; range: DayRange }[] {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
  const day = (at: number) => new Date(at).toISOString().slice(0, 10)
  const today = day(now.getTime())
  return [
    { label: 'This month', range: { from: day(Date.UTC(year, month, 1)), to: today } },
    {
      label: 'Last month',
      range: { from: day(Date.UTC(year, month - 1, 1)), to: day(Date.UTC(year, month, 0)) },
    },
    { label: 'Last 90 days', range: { from: day(now.getTime() - 89 * 86_400_000), to: today } },
    {
      label: 'This quarter',
      range: { from: day(Date.UTC(year, month - (month % 3), 1)), to: today },
    },
  ]
}

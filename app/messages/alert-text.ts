/** What all alerts say alike, whoever they are for. */
import type { Notice } from '~/domain/alerts/alert'
import { spanOf } from './text'

export type AlertText = { title: string; text: string; nextStep: string | null; path: string }

export const severityWord = { ok: '', warning: 'Warning: ', error: 'Error: ' } as const

/** "2026-11-28 16:40 UTC" */
export const minuteOf = (iso: string) => `${iso.slice(0, 16).replace('T', ' ')} UTC`

export function lastedText({ openedAt, resolvedAt }: Notice): string {
  if (openedAt === null || resolvedAt === null) return 'a moment'
  return spanOf(Math.max(1, (Date.parse(resolvedAt) - Date.parse(openedAt)) / 1000))
}

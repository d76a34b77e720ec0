/** The details of an audit event as labels and values. */
import { formatUsd, nanoFromDecimalString } from '~/money'

const detailLabels: Record<string, string> = {
  limitUsd: 'Limit',
  committedUsd: 'Committed',
  usedUsd: 'Used',
  expiresAt: 'Ends',
  guardrailId: 'Guardrail',
  keyHash: 'Key hash',
  keyLabel: 'Key',
  providerUserId: 'Id at the provider',
  because: 'Because',
  mintId: 'Mint',
  attemptId: 'Attempt',
}

export type DetailView = { label: string; value: string } & (
  { kind: 'text' } | { kind: 'time' } | { kind: 'code' }
)

/**
 * Details as labels and values for a definition list: money as money, times as times, what is
 * nested as lines of its own.
 */
export function detailsOf(details: Record<string, unknown>): DetailView[] {
  return Object.entries(details).flatMap(([name, value]) => viewsOf(labelOf(name), name, value))
}

function viewsOf(label: string, name: string, value: unknown): DetailView[] {
  if (value === null || value === undefined || value === '') return []
  if (Array.isArray(value))
    return value.every((item) => typeof item !== 'object')
      ? [{ label, kind: 'text', value: value.join(', ') }]
      : value.flatMap((item, index) => viewsOf(`${label} ${index + 1}`, name, item))
  if (typeof value === 'object')
    return Object.entries(value).flatMap(([inner, innerValue]) =>
      viewsOf(`${label}: ${labelOf(inner).toLowerCase()}`, inner, innerValue),
    )
  const text =
    value === true
      ? 'yes'
      : value === false
        ? 'no'
        : typeof value === 'string'
          ? value
          : JSON.stringify(value)
  if (/Usd$/.test(name) && /^-?\d+(\.\d{1,9})?$/.test(text))
    return [{ label, kind: 'text', value: formatUsd(nanoFromDecimalString(text)) }]
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text))
    return [{ label, kind: 'time', value: text }]
  if (/^[0-9a-f-]{12,}$/.test(text)) return [{ label, kind: 'code', value: text }]
  return [
    {
      label,
      kind: 'text',
      value: /^[a-z]+(-[a-z]+)+$/.test(text) ? text.replaceAll('-', ' ') : text,
    },
  ]
}

/** "sessionsEnded" becomes "Sessions ended". */
function labelOf(name: string): string {
  const label =
    detailLabels[name] ??
    name
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .replace(/_/g, ' ')
      .toLowerCase()
  return label.charAt(0).toUpperCase() + label.slice(1)
}

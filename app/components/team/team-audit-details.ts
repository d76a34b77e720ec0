/** The details of a team's audit event, as short text. */
const detailLabels: Record<string, string> = {
  capUsd: 'limit',
  fromUsd: 'from',
  toUsd: 'to',
  moreUsd: 'more',
  spentUsd: 'spent',
  returnedUsd: 'returned',
  carriedUsd: 'used before',
  wantedUsd: 'wanted',
  limitUsd: 'limit',
  expiresAt: 'ends',
  keyHash: 'key id',
  attemptId: 'attempt',
  baseUrl: 'address',
  masterKeyId: 'master key',
}

/** "limit $20.00", "reason: for the demo" */
export function detailText([name, value]: [string, string]): string {
  if (name.endsWith('Usd'))
    return `${detailLabels[name] ?? name.slice(0, -3)} $${value.replace(/(\.\d{2})(\d*?)0*$/, '$1$2')}`
  return `${detailLabels[name] ?? name}: ${value}`
}

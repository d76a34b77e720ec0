/** What a refusal for the team's ceiling says: what is left, and who can change it. */
import { formatUsd, type NanoUsd } from '~/money'

export function ceilingDetail({
  ceiling,
  left,
  owners,
}: {
  ceiling: NanoUsd
  left: NanoUsd
  owners: readonly string[]
}): string {
  const what = left > 0n ? `${formatUsd(left)} is left` : 'Nothing is left'
  return (
    `${what} under the team’s ceiling of ${formatUsd(ceiling)} for this month. ` +
    `Only an owner can change the ceiling: ${owners.join(', ')}.`
  )
}

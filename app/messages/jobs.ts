/** Names of jobs for people. */
import type { JobName } from '~/domain/staff/queue/types'

/** A new job without a label does not compile. */
const jobLabels: Record<JobName, string> = {
  'mint-key': 'Create a key',
  'mint-service-key': 'Create a team’s key',
  'apply-key': 'Apply changes to a key',
  'stop-at-cap': 'Stop a key at its cap',
  'read-account': 'Read the keys of one provider account',
  'read-account-facts': 'Read the balance and models of one provider account',
  'read-accounts': 'Read all provider accounts',
  'bind-guardrail': 'Assign a guardrail to a key',
  'reconcile-check': 'Compare all keys with the provider',
  'reconcile-fix': 'Repair what differs at the provider',
  'reading-retention': 'Thin out old readings',
  'keep-spares': 'Top up pre-minted keys',
  'make-receipt': 'Make a receipt',
  'deliver-alert': 'Deliver an alert',
  doctor: 'Run the readiness check',
  'chain-audit': 'Chain the audit trail',
  'make-backup': 'Make a backup',
  retention: 'Delete data past its retention',
  sweep: 'Find lost work',
  'bulk-action': 'Run a bulk action',
  'roll-months': 'Open the new month',
}

/** Dead letters are named after their job. */
export function jobLabel(name: string): string {
  const living = name.replace(/-dead$/, '')
  const label = (jobLabels as Record<string, string>)[living] ?? living
  return living === name ? label : `${label} (dead letter)`
}

/**
 * Sentences for the readiness check, on /admin/doctor and for `npm run doctor`. Commands stand
 * between backticks. Headings of docs/runbook.md that a remedy names exist (prisma/documented.test).
 */
import { readinessSeverity, type Finding as Judged } from '~/domain/operations/judgement'
import type { CheckResult } from '~/domain/operations/readiness-check'
import type {
  CheckName,
  Finding,
  FindingCode,
  FindingValues,
  Severity,
} from '~/domain/operations/readiness-finding'
import type { ReadinessReport } from '~/domain/operations/readiness.server'
import { findingHeadline, healthMessage } from './health'
import { configurationMessages } from './readiness-configuration'
import { installationMessages } from './readiness-installation'
import { providerMessages } from './readiness-provider'
import { sentenceOf, type Message } from './text'

/** From the values of a code to the sentence and, where something is to be done, the remedy. */
export type MessagesFor<Code extends FindingCode> = {
  [One in Code]: (values: FindingValues[One]) => readonly [sentence: string, remedy?: string]
}

export const checkLabel: Record<CheckName, string> = {
  environment: 'Environment',
  secrets: 'Secrets',
  database: 'Database',
  migrations: 'Migrations',
  queue: 'Queue',
  worker: 'Workers',
  switch: 'Key creation',
  state: 'Keys and claims',
  workshops: 'Workshop files',
  'management-key': 'Management key',
  workspace: 'Workspace',
  credits: 'Credit',
  'in-flight': 'Requests at once',
  backup: 'Backup',
  models: 'Models',
  guardrails: 'Guardrails',
  clock: 'Clocks',
  'sign-in': 'Sign-in',
  canary: 'Test key',
}

const generalMessages: MessagesFor<
  | 'judged'
  | 'nothing-wrong'
  | 'left-out'
  | 'needs-check'
  | 'needs-database'
  | 'needs-provider'
  | 'no-answer'
  | 'provider-error'
  | 'check-failed'
> = {
  judged: ({ finding }) => {
    const { remedy } = healthMessage(finding)
    return remedy ? [findingHeadline(finding), remedy] : [findingHeadline(finding)]
  },
  'nothing-wrong': () => ['Nothing is wrong in any workshop.'],
  'left-out': () => ['Skipped, as requested.'],
  'needs-check': ({ check }) => [`Not checked: “${checkLabel[check]}” must pass first.`],
  'needs-database': () => ['Not checked: DATABASE_URL cannot be used.'],
  'needs-provider': () => [
    'Not checked: OPENROUTER_MANAGEMENT_KEY or OPENROUTER_BASE_URL cannot be used.',
  ],
  'no-answer': ({ seconds }) => [
    `No answer within ${seconds} s.`,
    'Check again; the log of this process may say more.',
  ],
  'provider-error': ({ error }) => [
    `The provider did not answer as expected. ${sentenceOf(error)}`,
    'Check https://status.openrouter.ai, then check again.',
  ],
  'check-failed': ({ error }) => [
    `This check could not run: ${sentenceOf(error)}`,
    'Check again. If it fails again, see the log.',
  ],
}

const messages: MessagesFor<FindingCode> = {
  ...generalMessages,
  ...configurationMessages,
  ...installationMessages,
  ...providerMessages,
}

function findingMessage({ severity, code, ...values }: Finding): Message {
  // Each function gets the values of its own code: the type of `messages` says so.
  const write = messages[code] as (values: object) => readonly [sentence: string, remedy?: string]
  const [sentence, remedy = null] = write(values)
  return { sentence, remedy: severity === 'ok' ? null : remedy }
}

/** All findings of a check together; a remedy that several need is said once. */
export function checkMessage({ findings }: Pick<CheckResult, 'findings'>): Message {
  const all = findings.map(findingMessage)
  const remedies = new Set(all.flatMap(({ remedy }) => remedy ?? []))
  return {
    sentence: all.map(({ sentence }) => sentence).join(' '),
    remedy: remedies.size > 0 ? [...remedies].join(' ') : null,
  }
}

/** A check is as old as it is: what the judgement finds now comes before its “Ready”. */
export function readinessHeadline(
  last: Pick<ReadinessReport, 'severity' | 'checks'> | null,
  findings: Judged[],
): string {
  const isStopped = findings.some((finding) => readinessSeverity(finding) === 'error')
  if (isStopped && last?.severity !== 'error') return 'Not ready now'
  if (!last) return 'Readiness: not checked yet'
  if (last.severity === 'ok') return 'Ready'
  const bad = last.checks.filter(({ severity }) => severity === 'error' || severity === 'warning')
  const checks = bad.length === 1 ? '1 check needs' : `${bad.length} checks need`
  return last.severity === 'warning'
    ? `Ready; ${checks} attention`
    : `Not ready: ${checks} attention`
}

export const severityLabel: Record<Severity, string> = {
  ok: 'OK',
  warning: 'warning',
  error: 'failed',
  skipped: 'not checked',
}

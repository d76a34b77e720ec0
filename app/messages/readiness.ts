/**
 * Sentences for the readiness check, on /admin/doctor and for `npm run doctor`. Commands stand
 * between backticks. Headings of docs/runbook.md that a remedy names exist (prisma/documented.test).
 */
import type { CheckResult } from '~/domain/operations/readiness-check'
import type {
  CheckName,
  Finding,
  FindingCode,
  FindingValues,
  Severity,
} from '~/domain/operations/readiness-finding'
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
  workshops: 'Workshop files',
  'management-key': 'Management key',
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
  | 'left-out'
  | 'needs-check'
  | 'needs-database'
  | 'needs-provider'
  | 'no-answer'
  | 'provider-error'
  | 'check-failed'
> = {
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

export const severityLabel: Record<Severity, string> = {
  ok: 'OK',
  warning: 'warning',
  error: 'failed',
  skipped: 'not checked',
}

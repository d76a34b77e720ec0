/**
 * What a visit from outside can find, as codes and values; messages/outside.ts has a sentence for
 * each code.
 */
import type { Severity } from './readiness-finding'

export type OutsideCheck =
  | 'reach'
  | 'certificate'
  | 'redirect'
  | 'headers'
  | 'caching'
  | 'ready'
  | 'sign-in'
  | 'client-address'
  | 'clock'

export type OutsideValues = {
  /** Another check has to pass first. */
  'not-visited': None
  unreachable: { path: string; reason: string }
  reached: { address: string | null }
  'not-keymint': { status: number }

  'no-tls': None
  'certificate-refused': { reason: string }
  'certificate-ends': { days: number }
  'certificate-ok': { days: number; protocol: string }

  'https-ok': None
  'no-http': { reason: string }
  'in-the-clear': { status: number }
  'redirect-elsewhere': { to: string }
  'other-port': None

  'headers-ok': None
  'page-fails': { path: string; status: number }
  'headers-missing': { names: string[] }
  'headers-twice': { names: string[] }
  'hsts-short': { days: number }
  'policy-changed': None
  'scripts-added': { count: number }

  'not-kept': { paths: string[] }
  'may-be-kept': { paths: string[] }
  'kept-between': { paths: string[] }

  'ready-ok': None
  'not-ready': { wrong: ('database' | 'migrations' | 'worker')[] }

  'sign-in-starts': { addresses: string[] }
  'sign-in-fails': { provider: string; status: number }
  'sign-in-limited': { provider: string }
  'redirect-address': { provider: string; has: string; wanted: string }
  'cookie-flags': { provider: string; missing: string[] }

  'address-seen': { address: string }
  'address-unknown': None
  'address-of-proxy': { address: string }
  'address-as-told': None

  'clock-agrees': { aheadSeconds: number }
  'clock-differs': { aheadSeconds: number }
  'no-date': None
}
type None = Record<never, never>

type Cause = { [Code in keyof OutsideValues]: { code: Code } & OutsideValues[Code] }[OutsideCode]
export type OutsideCode = keyof OutsideValues
export type OutsideFinding = Cause & { severity: Severity }
export type OutsideResult = {
  name: OutsideCheck
  severity: Severity
  findings: OutsideFinding[]
}
export type OutsideReport = {
  origin: string
  madeAt: string
  severity: 'ok' | 'warning' | 'error'
  checks: OutsideResult[]
}

export const found = (severity: Severity, cause: Cause): OutsideFinding => ({ ...cause, severity })

/** Which finding a page leads with. Pure. */
import type { CauseCode, Finding, Severity } from './judgement'

/** Of equal severity, what keeps most people from what they came for comes first. */
const order: CauseCode[] = [
  'waiting',
  'refused',
  'no-worker',
  'account-parked',
  'switched-off',
  'paused',
  'cooling-down',
  'file-broken',
  'files-broken',
  'credits-low',
  'pool-passed',
  'limits-refused',
  'unbound',
  'calls-failing',
  'runs-fail',
  'workers-behind',
  'missing',
  'turned-away',
  'pool-80',
]
const severities: Severity[] = ['error', 'warning', 'ok']
const place = (code: CauseCode) => (order.includes(code) ? order.indexOf(code) : order.length)
const sizeOf = (finding: Finding) => (finding.code === 'waiting' ? finding.waiting : 0)

/** The worst first. */
export function inOrder(findings: Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      place(a.code) - place(b.code) ||
      sizeOf(b) - sizeOf(a),
  )
}

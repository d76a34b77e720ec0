/** How the programs of the doctor print their checks. */
import type { Severity } from '../domain/operations/readiness-finding'
import type { Message } from '../messages/text'

const labels: Record<Severity, string> = {
  ok: 'ok',
  warning: 'WARN',
  error: 'FAIL',
  skipped: 'skipped',
}

type Line = { name: string; severity: Severity; message: Message }

export function reportText(
  about: string,
  severity: 'ok' | 'warning' | 'error',
  lines: Line[],
): string {
  const printed = lines.flatMap(({ name, severity: one, message: { sentence, remedy } }) => [
    `${labels[one].padEnd(8)} ${name.padEnd(15)} ${sentence}`,
    ...(remedy ? [`${' '.repeat(25)}Do: ${remedy}`] : []),
  ])
  const named = (wanted: Severity) =>
    lines
      .filter((line) => line.severity === wanted)
      .map(({ name }) => name)
      .join(', ')
  const end = {
    ok: 'Ready.',
    warning: `Ready, with warnings: ${named('warning')}.`,
    error: `Not ready: ${named('error')}.`,
  }[severity]
  return `${[about, '', ...printed, '', end].join('\n')}\n`
}

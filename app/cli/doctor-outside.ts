/** `npm run doctor -- --url https://…`: what only a visitor sees. Reads no environment. */
import { lookFromOutside, placeOf } from '../domain/operations/outside.server'
import { outsideMessage } from '../messages/outside'
import { reportText } from './report-lines'

/** Null for anything but the origin of a site. */
export function parseOrigin(text: string): URL | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  const isPlain =
    /^https?:$/.test(url.protocol) &&
    url.pathname === '/' &&
    [url.search, url.hash, url.username, url.password].every((part) => part === '')
  return isPlain ? url : null
}

/** Prints the report, and returns the exit code. */
export async function printOutside(origin: URL, asJson: boolean): Promise<number> {
  const { checks, ...report } = await lookFromOutside(placeOf(origin), new Date())
  const withMessages = checks.map((check) => ({
    ...check,
    message: outsideMessage(check.findings),
  }))
  process.stdout.write(
    asJson
      ? `${JSON.stringify(
          {
            ...report,
            checks: withMessages.map(({ message, ...one }) => ({ ...one, ...message })),
          },
          null,
          2,
        )}\n`
      : reportText(
          `Keymint at ${report.origin}, as a visitor sees it`,
          report.severity,
          withMessages,
        ),
  )
  return report.severity === 'error' ? 1 : 0
}

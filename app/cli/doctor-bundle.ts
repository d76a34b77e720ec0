/** `npm run doctor -- --bundle <file>`: one file for whoever helps, without secrets. */
import { writeFile } from 'node:fs/promises'
import { rememberSecrets } from '../adapters/log.server'
import type { Db } from '../adapters/db.server'
import type { ReadinessReport } from '../domain/operations/readiness.server'
import { readSupportFacts, withoutSecrets } from '../domain/operations/support-bundle.server'
import { settingNames } from '../env.server'
import { checkMessage } from '../messages/readiness'
import { version } from '../../package.json'

/** These say nothing of anybody, and are words of sentences. */
const plain = new Set(['NODE_ENV', 'LOG_LEVEL', 'WORKSHOPS_DIR'])

/** Throws with a sentence where the file cannot be written, or is there already. */
export async function writeBundle(
  file: string,
  report: ReadinessReport,
  db: Db | null,
  source: Record<string, string | undefined> = process.env,
): Promise<void> {
  rememberSecrets(valuesOf(source))
  const bundle = withoutSecrets({
    about: 'A report on one deployment of Keymint, for support. Names of settings, no values.',
    madeAt: report.madeAt,
    keymint: {
      version,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    },
    settings: {
      set: settingNames.filter((name) => isGiven(source[name])),
      unset: settingNames.filter((name) => !isGiven(source[name])),
    },
    readiness: {
      severity: report.severity,
      checks: report.checks.map((check) => ({
        name: check.name,
        severity: check.severity,
        codes: check.findings.map(({ code }) => code),
        ...checkMessage(check),
      })),
    },
    facts: db ? await readSupportFacts(db) : {},
  })
  try {
    await writeFile(file, `${JSON.stringify(bundle, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(
      code === 'EEXIST'
        ? `${file} is already there. Name another file.`
        : `${file} cannot be written (${code ?? 'unknown error'}).`,
    )
  }
}

const isGiven = (value: string | undefined) => value !== undefined && value !== ''

/** Whole, each part of a list, and what stands in an address. */
function valuesOf(source: Record<string, string | undefined>): string[] {
  return settingNames.flatMap((name) => {
    const value = source[name]
    if (!isGiven(value) || value === undefined || plain.has(name)) return []
    const parts = value.split(',').map((part) => part.trim())
    const url = URL.canParse(value) ? new URL(value) : null
    const inUrl = url
      ? [url.username, url.password, decoded(url.password), url.host, url.hostname, url.pathname]
      : []
    return [value, ...parts, ...inUrl]
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

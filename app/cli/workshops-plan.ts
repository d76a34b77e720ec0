/**
 * `npm run workshops:plan [-- --json] [-- --base <git ref or folder>] [files or folders]`: what
 * these files mean against what runs. It changes nothing. Exits with 0 when nothing is wrong (what
 * was perhaps not meant does not count), with 1 when a file has an error or names a model that does
 * not exist, with 2 on a wrong argument or a base that cannot be read.
 */
import { readFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { createOpenRouter } from '../adapters/openrouter.server'
import { isProviderError } from '../adapters/provider-error'
import { loadWorkshopFiles, loadWorkshops } from '../domain/workshop/catalog.server'
import { slugOf } from '../domain/workshop/parse'
import type { WorkshopCatalog } from '../domain/workshop-file'
import { BaseError, fileOf, isFolder, isNamed, readBase } from './plan/base'
import { askModels, publicAddress } from './plan/models'
import { hasError, makePlan, type Credits, type LiveNumbers } from './plan/plan'
import { planJson, planText } from './plan/text'

const usage =
  'Use: npm run workshops:plan [-- --json] [-- --base <git ref or folder>] [files or folders]'

try {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, base: { type: 'string' } },
    allowPositionals: true,
  })
  const places = positionals.length > 0 ? positionals : [process.env.WORKSHOPS_DIR || 'workshops']
  const { output, code } = await plan(places.map(near), values.base ?? null, values.json)
  // Idle connections would keep the process alive: exit once the text is written.
  process.stdout.write(output, () => process.exit(code))
} catch (error) {
  const isArgument = error instanceof TypeError && 'code' in error
  if (!(error instanceof BaseError) && !isArgument) throw error
  process.stderr.write(`${error.message}\n${isArgument ? `${usage}\n` : ''}`)
  process.exit(2)
}

async function plan(places: string[], wanted: string | null, json: boolean) {
  const folders: string[] = []
  const named: string[] = []
  for (const place of places)
    (/\.ya?ml$/i.test(place) && !(await isFolder(place)) ? named : folders).push(place)
  const first = folders[0] ?? dirname(named[0] ?? '.')
  const base = await readBase(first, wanted)
  // A file that a change removes is named like the others.
  const isThere = (path: string) =>
    readFile(path).then(
      () => true,
      () => false,
    )
  const present = await Promise.all(
    named.map(async (path) => !base?.files.has(slugOf(path)) || (await isThere(path))),
  )
  const catalogs = [
    ...(await Promise.all(folders.map((folder) => loadWorkshops(folder)))),
    await loadWorkshopFiles(named.filter((_, index) => present[index])),
  ]
  const catalog = joined(catalogs)
  const files = new Map<string, { path: string; text: string }>()
  for (const slug of catalog.workshops.keys()) {
    const paths = [
      ...named.filter((path) => isNamed(path, slug)),
      ...folders.map((folder) => fileOf(folder, slug)),
    ]
    for (const path of paths) {
      const text = await readFile(path, 'utf8').catch(() => null)
      if (text !== null && !files.has(slug)) files.set(slug, { path, text })
    }
  }
  const [models, credits, live] = await Promise.all([
    askModels(process.env.OPENROUTER_BASE_URL || publicAddress),
    readCredits(),
    readLive(),
  ])
  const made = makePlan({
    now: new Date(),
    catalog,
    files,
    base,
    expected: (slug) => folders.length > 0 || named.some((path) => isNamed(path, slug)),
    models,
    credits,
    live,
  })
  const code = hasError(made) ? 1 : 0
  // Whoever names a file wants to read about it, changed or not.
  return {
    code,
    output: json ? `${planJson(made, code)}\n` : planText(made, { isBrief: named.length === 0 }),
  }
}

async function readCredits(): Promise<Credits> {
  const managementKey = process.env.OPENROUTER_MANAGEMENT_KEY
  if (!managementKey) return { left: null, why: 'OPENROUTER_MANAGEMENT_KEY is not set' }
  const baseUrl = process.env.OPENROUTER_BASE_URL || publicAddress
  try {
    const { bought, used } = await createOpenRouter({ baseUrl, managementKey }).readCredits()
    // An ordinary key is answered with zeros.
    if (bought === 0n && used === 0n)
      return { left: null, why: 'the provider answers with zeros; is this a management key?' }
    return { left: bought - used, why: null }
  } catch (error) {
    if (!isProviderError(error)) throw error
    return { left: null, why: `the provider did not say (${error.message})` }
  }
}

/** The database's part is loaded only where there is one: a check of files needs no client. */
async function readLive(): Promise<LiveNumbers> {
  const url = process.env.DATABASE_URL
  if (!url) return null
  const { createDb } = await import('../adapters/db.server')
  const { readAllCounters } = await import('../domain/operations/counters.server')
  const db = createDb(url, { max: 1, applicationName: 'keymint-plan' })
  try {
    const counters = await readAllCounters(db)
    const bySlug = new Map(
      [...counters].map(([slug, one]) => [
        slug,
        { liveKeys: one.ready, claims: one.total, spent: one.spent },
      ]),
    )
    return { bySlug, error: null }
  } catch {
    return { bySlug: null, error: 'the database of DATABASE_URL did not answer' }
  } finally {
    await db.$disconnect().catch(() => undefined)
  }
}

function joined(catalogs: WorkshopCatalog[]): WorkshopCatalog {
  return {
    workshops: new Map(catalogs.flatMap((one) => [...one.workshops])),
    broken: new Set(catalogs.flatMap((one) => [...one.broken])),
    problems: catalogs.flatMap((one) => one.problems),
    warnings: catalogs.flatMap((one) => one.warnings),
  }
}

function near(path: string): string {
  const shown = relative(process.cwd(), path)
  return shown === '' ? '.' : shown.startsWith('..') ? path : shown
}

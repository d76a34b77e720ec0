/**
 * `npm run workshops:check [folder or files]`: reads the workshop files as the server does, and
 * lists their errors or what they allow. Exits with 1 when any file has an error; warnings do not
 * count.
 */
import { stat } from 'node:fs/promises'
import { relative } from 'node:path'
import { formatUsd } from '~/money'
import { keysThatFit, worstCaseSpend } from '../domain/workshop/worst-case'
import { loadWorkshopFiles, loadWorkshops } from '../domain/workshop/catalog.server'
import type { WorkshopCatalog } from '../domain/workshop-file'
import { formatProblem } from '../domain/workshop/parse'
import { windowState } from '../domain/workshop/workshop'
import type { Workshop } from '../domain/workshop-file'

const places = process.argv.slice(2)
if (places.length === 0) places.push(process.env.WORKSHOPS_DIR || 'workshops')
process.exitCode = (await check(places, new Date())) ? 0 : 1

async function check(paths: readonly string[], now: Date): Promise<boolean> {
  const files: string[] = []
  const catalogs: WorkshopCatalog[] = []
  for (const path of paths) {
    const shown = relative(process.cwd(), path)
    const near = shown === '' ? '.' : shown.startsWith('..') ? path : shown
    const isFolder = await stat(near).then(
      (found) => found.isDirectory(),
      () => !/\.ya?ml$/i.test(near),
    )
    if (isFolder) catalogs.push(await loadWorkshops(near))
    else files.push(near)
  }
  if (files.length > 0) catalogs.push(await loadWorkshopFiles(files))

  const problems = catalogs.flatMap((catalog) => catalog.problems)
  const warnings = catalogs.flatMap((catalog) => catalog.warnings)
  const workshops = catalogs.flatMap((catalog) => [...catalog.workshops.values()])
  for (const problem of problems) console.log(formatProblem(problem))
  for (const warning of warnings) console.log(`warning: ${formatProblem(warning)}`)
  for (const workshop of workshops) console.log(summary(workshop, now))
  const broken = new Set(problems.map((problem) => problem.file)).size
  console.log(
    [
      plural(workshops.length, 'good workshop'),
      `${plural(problems.length, 'problem')} in ${plural(broken, 'file')}`,
      plural(warnings.length, 'warning'),
    ].join(', '),
  )
  return problems.length === 0
}

function summary(workshop: Workshop, now: Date): string {
  const at = workshop.claimsOpenAt ?? now
  const worst = worstCaseSpend(workshop, at)
  return [
    `ok ${workshop.slug}: "${workshop.title}"`,
    `${windowState(workshop, now)}, ${windowText(workshop)}`,
    `${plural(keysThatFit(workshop, at), 'seat')}`,
    `${formatUsd(workshop.keyLimit, { exact: true })} per key ${workshop.keyLimitReset ?? ''}`.trim(),
    `worst case ${worst === null ? 'unbounded' : formatUsd(worst, { exact: true })}`,
  ].join(' | ')
}

function windowText(workshop: Workshop): string {
  if (workshop.claimsOpenAt === null && workshop.claimsCloseAt === null) return 'no window'
  const format = new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'short',
    timeZone: workshop.timezone,
  })
  const text = (time: Date | null): string => (time === null ? 'no end' : format.format(time))
  const from = workshop.claimsOpenAt === null ? 'from now' : text(workshop.claimsOpenAt)
  return `${from} to ${text(workshop.claimsCloseAt)} ${workshop.timezone}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

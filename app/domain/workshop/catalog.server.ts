/**
 * The workshops of one folder, read once at the start of a process. Guarantee: never throws for
 * what is in the folder; one bad file never takes the others down. The files are authoritative for
 * who may claim from now on; keys already given are governed by their rows alone.
 */
import { open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { completeRoster, type RosterReader } from './roster-file.server'
import { parseWorkshopFile, slugOf, type ParsedWorkshop } from './parse'
import { MAX_FILE_BYTES } from './yaml-source'
import type { WorkshopCatalog } from '../workshop-file'

/**
 * Reads every `*.yaml` of the folder, in the order of their names. With `rosters` the lists outside
 * the repository, too; a workshop whose list cannot be used is broken.
 */
export async function loadWorkshops(
  dir: string,
  rosters: RosterReader | null = null,
): Promise<WorkshopCatalog> {
  try {
    const names = (await readdir(dir)).filter(
      (name) => /\.ya?ml$/i.test(name) && !name.startsWith('.'),
    )
    return await loadWorkshopFiles(
      names.sort().map((name) => join(dir, name)),
      rosters,
    )
  } catch (error) {
    const problem = {
      file: dir,
      line: 1,
      field: 'folder',
      message: `cannot be read (${errorCode(error)})`,
      remedy: 'set WORKSHOPS_DIR to the folder with the workshop files',
    }
    return { workshops: new Map(), broken: new Set(), problems: [problem], warnings: [] }
  }
}

/** Reads the named files as one catalog. */
export async function loadWorkshopFiles(
  paths: readonly string[],
  rosters: RosterReader | null = null,
): Promise<WorkshopCatalog> {
  const catalog: WorkshopCatalog = {
    workshops: new Map(),
    broken: new Set(),
    problems: [],
    warnings: [],
  }
  for (const path of paths) {
    const parsed = await withRoster(await readWorkshopFile(path), path, rosters)
    if (!parsed.ok) {
      catalog.problems.push(...parsed.problems)
      catalog.broken.add(slugOf(path))
    } else if (catalog.workshops.has(parsed.workshop.slug)) {
      const problem = {
        file: path,
        line: 1,
        field: 'slug',
        message: `another file is named ${basename(path)} too`,
        remedy: 'rename one of the two',
      }
      catalog.problems.push(problem)
    } else {
      catalog.workshops.set(parsed.workshop.slug, parsed.workshop)
      catalog.warnings.push(...parsed.warnings)
    }
  }
  // A stray foo.yml beside a good foo.yaml is a problem of the folder, not of the workshop.
  for (const slug of catalog.workshops.keys()) catalog.broken.delete(slug)
  return catalog
}

async function withRoster(
  parsed: ParsedWorkshop,
  path: string,
  rosters: RosterReader | null,
): Promise<ParsedWorkshop> {
  if (!parsed.ok || parsed.workshop.roster === null) return parsed
  const { workshop, warnings } = parsed
  if (rosters === null) {
    if (workshop.rosterFile === null) return parsed
    const warning = {
      file: path,
      line: 1,
      field: 'roster.file',
      message: 'is not checked here: it is read where Keymint runs',
      remedy: 'check its readiness there; without the list nobody can claim',
    }
    return { ok: true, workshop, warnings: [...warnings, warning] }
  }
  const complete = await completeRoster(workshop, path, rosters)
  if ('problem' in complete) return { ok: false, problems: [complete.problem] }
  return { ok: true, workshop: { ...workshop, roster: complete.roster }, warnings }
}

async function readWorkshopFile(path: string): Promise<ParsedWorkshop> {
  const problem = (line: number, message: string, remedy: string): ParsedWorkshop => ({
    ok: false,
    problems: [{ file: path, line, field: 'file', message, remedy }],
  })
  try {
    const bytes = await readUpTo(path, MAX_FILE_BYTES + 1)
    // A file cut off for its size may end inside a character; the parser refuses its size anyway.
    if (bytes.length <= MAX_FILE_BYTES && !isUtf8(bytes))
      return problem(firstBadLine(bytes), 'is not UTF-8 text', 'save the file as UTF-8')
    return parseWorkshopFile(new TextDecoder().decode(bytes), path)
  } catch (error) {
    return problem(
      1,
      `cannot be read (${errorCode(error)})`,
      'check that it is a file and may be read',
    )
  }
}

async function readUpTo(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, 'r')
  const buffer = new Uint8Array(maxBytes)
  let length = 0
  while (length < maxBytes) {
    const { bytesRead } = await file.read(buffer, length, maxBytes - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function firstBadLine(bytes: Uint8Array): number {
  let line = 1
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, start)
    if (!isUtf8(bytes.subarray(start, end === -1 ? undefined : end)) || end === -1) return line
    start = end + 1
  }
  return 1
}

/** The system's code alone: its message would repeat the path, and pages may show this. */
function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error'
}

/**
 * The part of a roster that is not in the workshop's file: a list on the machine, one entry a line.
 * Guarantee: a roster is complete or its workshop gets a problem; a list that is missing, empty or
 * wrong never lets anybody in. Addresses are hashed as they are read, and kept nowhere.
 */
import { open, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Problem, Roster, Workshop } from '../workshop-file'
import { rosterEntryOf } from './entry-fields'

/** How this process hashes addresses; null where it has no key, as in a check of the files. */
export type RosterReader = {
  keyIds: string[]
  /** Null for what is not an address. */
  hashOf(workshopSlug: string, address: string): string | null
}

const maxBytes = 1_048_576

/** The workshop with its whole roster, or what is wrong with it. */
export async function completeRoster(
  workshop: Workshop,
  workshopFile: string,
  reader: RosterReader,
): Promise<{ roster: Roster | null } | { problem: Problem }> {
  const { roster, rosterFile, slug } = workshop
  const problem = (message: string, remedy: string): { problem: Problem } => ({
    problem: {
      file: workshopFile,
      line: 1,
      field: rosterFile === null ? 'roster' : 'roster.file',
      message,
      remedy,
    },
  })
  if (roster === null) return { roster }
  const complete: List | Wrong =
    rosterFile === null ? { ...roster, addresses: [] } : await readList(rosterFile, workshopFile)
  if ('wrong' in complete) return problem(`${rosterFile}: ${complete.wrong}`, complete.remedy)
  const hashes = new Set(complete.hashes)
  for (const { address, line } of complete.addresses) {
    const hash = reader.hashOf(slug, address)
    if (hash === null)
      return problem(`${rosterFile}: line ${line} is not an address`, 'correct the line')
    hashes.add(hash)
  }
  const foreign = [...hashes].find((hash) => !reader.keyIds.includes(hash.split('.')[1] ?? ''))
  if (foreign !== undefined)
    return problem(
      `has hashes of a key that this deployment does not have (${foreign.split('.')[1]})`,
      'run `npm run roster:hash` with the ROSTER_KEY of this deployment',
    )
  return { roster: { logins: complete.logins, hashes } }
}

type List = Roster & { addresses: { address: string; line: number }[] }
type Wrong = { wrong: string; remedy: string }

async function readList(file: string, workshopFile: string): Promise<List | Wrong> {
  let text: string
  try {
    if (await isInRepository(file, workshopFile))
      return {
        wrong: 'lies in a repository, or in the folder of Keymint',
        remedy: 'move the list to a folder of its own, such as /etc/keymint',
      }
    const bytes = await readUpTo(file, maxBytes + 1)
    if (bytes.length > maxBytes)
      return { wrong: 'is larger than 1 MiB', remedy: 'keep one entry a line, and nothing else' }
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not UTF-8'
    return {
      wrong: `cannot be read (${code})`,
      remedy: 'put the list there, readable for Keymint, on every machine, and restart',
    }
  }
  const list = { logins: new Set<string>(), hashes: new Set<string>() }
  const addresses: List['addresses'] = []
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const entryText = raw.trim()
    if (entryText === '' || entryText.startsWith('#')) continue
    const entry = rosterEntryOf(entryText)
    if (entry === null || /[,;<>"]/.test(entryText))
      return {
        wrong: `line ${index + 1} is neither an address nor a GitHub login nor a hash`,
        remedy: 'write one entry a line, without names, commas or a heading',
      }
    if (entry.kind === 'login') list.logins.add(entry.login)
    else if (entry.kind === 'hash') list.hashes.add(entry.hash)
    else addresses.push({ address: entry.address, line: index + 1 })
  }
  if (list.logins.size + list.hashes.size + addresses.length === 0)
    return { wrong: 'is empty', remedy: 'write one entry a line, or remove roster' }
  return { ...list, addresses }
}

/** By the real path, so that a link does not hide it. */
async function isInRepository(file: string, workshopFile: string): Promise<boolean> {
  const real = await realpath(file)
  const folders = await Promise.all(
    [process.cwd(), path.dirname(workshopFile)].map((folder) => realpath(folder)),
  )
  if (folders.some((folder) => real.startsWith(folder === '/' ? '//' : `${folder}/`))) return true
  for (let at = path.dirname(real); ; at = path.dirname(at)) {
    const found = await stat(path.join(at, '.git')).catch(() => null)
    if (found) return true
    if (at === path.dirname(at)) return false
  }
}

async function readUpTo(file: string, max: number): Promise<Uint8Array> {
  await using handle = await open(file, 'r')
  const buffer = new Uint8Array(max)
  let length = 0
  while (length < max) {
    const { bytesRead } = await handle.read(buffer, length, max - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

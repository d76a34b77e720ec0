/**
 * The workshop files that a change is compared with: those of a commit, or of another folder. Git
 * only reads, and no file of the commit is ever run or written.
 */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { loadWorkshops } from '../../domain/workshop/catalog.server'
import { parseWorkshopFile, slugOf } from '../../domain/workshop/parse'
import type { Workshop } from '../../domain/workshop-file'

const run = promisify(execFile)

/** Null where the file is there and has an error. */
export type BaseFiles = Map<string, Workshop | null>

export type Base = { kind: 'git' | 'folder'; name: string; files: BaseFiles }

export class BaseError extends Error {}

/** What people are told to give. */
const remedy = 'give --base a commit, branch or tag that git knows here, or a folder'

/**
 * `wanted` null means the last commit, where there is one. `place` is the folder, or the folder of
 * a file. Throws a BaseError when a base that was asked for cannot be read.
 */
export async function readBase(place: string, wanted: string | null): Promise<Base | null> {
  if (wanted !== null && (await isFolder(wanted))) return readFolder(wanted)
  if (wanted?.startsWith('-')) throw new BaseError(`${wanted} is not a git ref  → ${remedy}`)
  const folder = await nearestFolder(place)
  const inside = folder === resolve(place) ? '.' : resolve(place).slice(folder.length + 1)
  const git = async (args: string[]) =>
    (await run('git', ['-C', folder, ...args], { maxBuffer: 8 * 1024 * 1024 })).stdout
  try {
    const ref = `${wanted ?? 'HEAD'}^{commit}`
    const commit = (await git(['rev-parse', '--verify', '--quiet', '--end-of-options', ref])).trim()
    const listed = await git(['ls-tree', '-z', '--name-only', commit, `./${inside}/`])
    const files: BaseFiles = new Map()
    for (const path of listed.split('\0').filter((one) => /\.ya?ml$/i.test(one))) {
      const parsed = parseWorkshopFile(await git(['show', `${commit}:./${path}`]), path)
      files.set(slugOf(path), parsed.ok ? parsed.workshop : null)
    }
    return { kind: 'git', name: wanted ?? 'HEAD', files }
  } catch {
    if (wanted === null) return null
    throw new BaseError(`${wanted} cannot be read as a commit or a folder  → ${remedy}`)
  }
}

async function readFolder(folder: string): Promise<Base> {
  const { workshops, broken, problems } = await loadWorkshops(folder)
  const unreadable = problems.find((problem) => problem.field === 'folder')
  if (unreadable) throw new BaseError(`${folder} ${unreadable.message}  → ${remedy}`)
  const files: BaseFiles = new Map(workshops)
  for (const slug of broken) files.set(slug, null)
  return { kind: 'folder', name: folder, files }
}

/** A folder whose last file is gone is gone too, for git. */
async function nearestFolder(place: string): Promise<string> {
  let folder = resolve(place)
  while (!(await isFolder(folder)) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}

export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

export const fileOf = (folder: string, slug: string): string => join(folder, `${slug}.yaml`)
export const isNamed = (path: string, slug: string): boolean => basename(path) === `${slug}.yaml`

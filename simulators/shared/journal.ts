/**
 * An append-only file of JSON lines. Guarantee: a promise returned by `append` resolves once the
 * line is with the operating system, so it outlives a SIGKILL of this process. Lines that arrive
 * while a write is under way share the next write. A torn last line is dropped when the file is
 * read.
 */
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  closeSync,
  fsyncSync,
  writeSync,
} from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

export interface Journal {
  append(entry: unknown): Promise<void>
  close(): Promise<void>
}

export function readJournal(dataDir: string | undefined, fileName: string): unknown[] {
  if (dataDir === undefined) return []
  const path = join(dataDir, fileName)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  const entries: unknown[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    try {
      entries.push(JSON.parse(line))
    } catch {
      if (index !== lines.length - 1)
        throw new Error(
          `The stand-in's data in ${path} is damaged at line ${index + 1}. ` +
            'Move the file away to start with an empty account.',
        )
    }
  }
  return entries
}

/** Replaces the file by `entries` in one rename, then opens it for appending. */
export async function openJournal(
  dataDir: string | undefined,
  entries: Iterable<unknown>,
  fileName: string,
): Promise<Journal> {
  if (dataDir === undefined)
    return { append: () => Promise.resolve(), close: () => Promise.resolve() }
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, fileName)
  const next = `${path}.next`
  const descriptor = openSync(next, 'w', 0o600)
  for (const entry of entries) writeSync(descriptor, `${JSON.stringify(entry)}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(next, path)
  return appendTo(await open(path, 'a', 0o600))
}

function appendTo(file: FileHandle): Journal {
  let waiting: string[] = []
  let nextWrite: Promise<void> | null = null
  let lastWrite: Promise<void> = Promise.resolve()

  async function writeAfter(previous: Promise<void>): Promise<void> {
    await previous.catch(() => undefined)
    const batch = waiting.join('')
    waiting = []
    nextWrite = null
    await file.appendFile(batch)
  }

  return {
    append(entry) {
      waiting.push(`${JSON.stringify(entry)}\n`)
      if (nextWrite === null) {
        nextWrite = writeAfter(lastWrite)
        lastWrite = nextWrite
      }
      return nextWrite
    },
    async close() {
      await lastWrite
      await file.close()
    },
  }
}

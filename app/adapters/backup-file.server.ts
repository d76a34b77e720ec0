/**
 * A backup as a file: the rows of the database, compressed, and encrypted with age where there is
 * somebody to encrypt it to. `gunzip` and `age --decrypt` of everybody read it.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { createGunzip, createGzip } from 'node:zlib'
import { Decrypter, Encrypter } from 'age-encryption'
import { CopyError, copyOut, type CopyTrailer } from '../../prisma/database-copy'

const ageMark = 'age-encryption.org/'

export type BackupFile = { path: string; bytes: number; rows: number; encrypted: boolean }

/** Whether age can encrypt to it: `age1…`. */
export function isRecipient(text: string): boolean {
  try {
    new Encrypter().addRecipient(text)
    return true
  } catch {
    return false
  }
}

/**
 * Writes a backup of the database at `url` to `file`, readable by this user alone. The file is there
 * only when it is whole and on the disk. Throws what the database or the disk answers.
 */
export async function writeBackup(
  url: string,
  file: string,
  recipients: readonly string[],
): Promise<BackupFile> {
  const part = `${file}.part`
  let trailer: CopyTrailer = { rows: {} }
  async function* rows() {
    trailer = yield* copyOut(url)
  }
  try {
    const gzip = createGzip()
    const zipped = pipeline(Readable.from(rows()), gzip)
    // Its failure also ends the reader below, which reports it.
    zipped.catch(() => undefined)
    const out = recipients.length === 0 ? gzip : await encrypted(gzip, recipients)
    await pipeline(out, createWriteStream(part, { mode: 0o600 }))
    await zipped
    await onDisk(part)
    await rename(part, file)
    await onDisk(path.dirname(file))
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return {
    path: file,
    bytes: (await stat(file)).size,
    rows: Object.values(trailer.rows).reduce((sum, count) => sum + count, 0),
    encrypted: recipients.length > 0,
  }
}

async function encrypted(gzip: Duplex, recipients: readonly string[]): Promise<Readable> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  const bytes = Readable.toWeb(gzip) as globalThis.ReadableStream<Uint8Array>
  return Readable.fromWeb((await encrypter.encrypt(bytes)) as unknown as ReadableStream<Uint8Array>)
}

async function onDisk(place: string): Promise<void> {
  const handle = await open(place)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * The text of a backup, as readParts reads it. Throws CopyError where the file cannot be opened with
 * these identities (`AGE-SECRET-KEY-1…`), or is damaged.
 */
export async function* readBackup(
  file: string,
  identities: readonly string[],
): AsyncGenerator<Buffer> {
  const isEncrypted = await beginsWith(file, ageMark)
  if (isEncrypted && identities.length === 0)
    throw new CopyError(
      'The backup is encrypted: name the file with its age identity, --identity <file>.',
    )
  const bytes = createReadStream(file)
  try {
    const zipped = isEncrypted ? await decrypted(bytes, identities) : bytes
    const gunzip = createGunzip()
    const unzipped = pipeline(zipped, gunzip)
    unzipped.catch(() => undefined)
    for await (const chunk of gunzip) yield chunk as Buffer
    await unzipped
  } catch (error) {
    if (error instanceof CopyError) throw error
    throw new CopyError(
      'The backup cannot be read: it is damaged, or was cut ' +
        `(${error instanceof Error ? error.message : String(error)}).`,
    )
  } finally {
    bytes.destroy()
  }
}

async function decrypted(bytes: Readable, identities: readonly string[]): Promise<Readable> {
  const decrypter = new Decrypter()
  try {
    for (const identity of identities) decrypter.addIdentity(identity)
  } catch {
    throw new CopyError('The identity is none of age: it begins with AGE-SECRET-KEY-1.')
  }
  const source = Readable.toWeb(bytes) as globalThis.ReadableStream<Uint8Array>
  const text = await decrypter.decrypt(source).catch(() => {
    throw new CopyError('The identity does not open this backup. Use the one it was made for.')
  })
  return Readable.fromWeb(text as unknown as ReadableStream<Uint8Array>)
}

async function beginsWith(file: string, mark: string): Promise<boolean> {
  const handle = await open(file).catch(() => {
    throw new CopyError(`There is no backup at ${file}, or this user may not read it.`)
  })
  try {
    const { buffer } = await handle.read(Buffer.alloc(mark.length), 0, mark.length, 0)
    return buffer.toString('latin1') === mark
  } finally {
    await handle.close()
  }
}

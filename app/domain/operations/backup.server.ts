/**
 * Backups: one by hand, and one every night where BACKUP_DIR names a folder. Those of the folder are
 * kept for a number of days, and the newest in any case.
 */
import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { scrub } from '~/adapters/log.server'
import { isRecipient, writeBackup, type BackupFile } from '~/adapters/backup-file.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

const day = 86_400_000
const fileName = /^keymint-(\d{8}T\d{6}Z)\.sql\.gz(\.age)?$/

/** By the time in UTC, so that names sort as they were made. */
export const backupFileName = (at: Date, isEncrypted: boolean): string =>
  `keymint-${at.toISOString().replace(/[-:]|\.\d{3}/g, '')}.sql.gz${isEncrypted ? '.age' : ''}`

/** Throws with a sentence for one that age does not know. */
export function parseRecipients(text: string): string[] {
  const recipients = text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
  const wrong = recipients.find((one) => !isRecipient(one))
  if (wrong !== undefined)
    throw new Error(
      `"${wrong.slice(0, 80)}" is no age recipient: it begins with age1, and age-keygen prints it.`,
    )
  return recipients
}

/** Writes one. Throws with a sentence where its folder is missing or the file is already there. */
export async function makeBackup(
  url: string,
  file: string,
  recipients: readonly string[],
): Promise<BackupFile> {
  const folder = path.dirname(file)
  await access(folder, constants.W_OK).catch(() => {
    throw new Error(`The folder ${folder} is missing, or this user may not write there.`)
  })
  const there = await stat(file).catch(() => null)
  if (there) throw new Error(`${file} is already there. Name another file with --out.`)
  return writeBackup(url, file, recipients)
}

/**
 * The nightly one: deletes those past their time, makes a backup, and records how it went. Does
 * nothing without BACKUP_DIR. Throws where none could be made, after that was recorded.
 */
export async function backUpNightly(ctx: Ctx): Promise<BackupFile | null> {
  const { backup } = ctx
  if (backup === null) return null
  const startedAt = ctx.now()
  const name = backupFileName(startedAt, backup.recipients.length > 0)
  try {
    // First, so that a disk full of old ones, or of what killed processes have left, has room again.
    const deleted = await deleteOld(backup.folder, startedAt, backup.keepDays)
    const made = await makeBackup(
      backup.databaseUrl,
      path.join(backup.folder, name),
      backup.recipients,
    )
    await note(ctx, startedAt, { file: name, bytes: made.bytes, rows: made.rows, error: null })
    ctx.log.info({ file: name, bytes: made.bytes, rows: made.rows, deleted }, 'made a backup')
    return made
  } catch (error) {
    const reason = scrub(error instanceof Error ? error.message : String(error))
    await note(ctx, startedAt, { file: null, bytes: null, rows: null, error: reason.slice(0, 500) })
    throw error
  }
}

/** Those past their time, without the newest; and those that nobody finished within a day. */
async function deleteOld(folder: string, now: Date, keepDays: number): Promise<number> {
  // Where the folder is missing, the backup says so.
  const names = (await readdir(folder).catch((): string[] => [])).sort()
  const newest = names.findLast((name) => fileName.test(name))
  const before = (days: number) => backupFileName(new Date(now.getTime() - days * day), false)
  const [keptFrom, unfinishedFrom] = [before(keepDays), before(1)]
  const old = names.filter((name) =>
    name.endsWith('.part')
      ? fileName.test(name.slice(0, -'.part'.length)) && name < unfinishedFrom
      : fileName.test(name) && name < keptFrom && name !== newest,
  )
  for (const name of old) await rm(path.join(folder, name), { force: true })
  return old.length
}

type Outcome = {
  file: string | null
  bytes: number | null
  rows: number | null
  error: string | null
}

async function note(ctx: Ctx, startedAt: Date, outcome: Outcome): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    await tx.backup.create({ data: { startedAt, ...outcome } })
    await tx.$executeRaw`delete from keymint.backups where finished_at < now() - interval '400 days'`
    await recordAudit(tx, {
      actor: 'worker',
      action: outcome.error === null ? 'backup.made' : 'backup.failed',
      subject: `backup:${outcome.file ?? startedAt.toISOString()}`,
      details: { bytes: outcome.bytes, rows: outcome.rows, error: outcome.error },
    })
  })
}

export type LastBackups = {
  /** The newest that was made, and its age in ms. */
  made: { file: string; ageMs: number } | null
  /** Why the newest attempt failed; null where it did not. */
  error: string | null
}

/** What the judgement and the readiness check say of the nightly backup; one by hand is not recorded. */
export async function readLastBackups(db: Ctx['db']): Promise<LastBackups> {
  const [row] = await db.$queryRaw<
    { file: string | null; ageMs: number | null; error: string | null }[]
  >`
    select made.file, (extract(epoch from now() - made.finished_at) * 1000)::float8 as "ageMs", last.error
    from (select error from keymint.backups order by id desc limit 1) last
      left join lateral (select file, finished_at from keymint.backups where error is null
        order by id desc limit 1) made on true`
  return {
    made: row?.file && row.ageMs !== null ? { file: row.file, ageMs: row.ageMs } : null,
    error: row?.error ?? null,
  }
}

/**
 * `npm run vault:rotate`: seals everything again with the first key of ENCRYPTION_KEY, while the
 * app runs. It can be interrupted and started again. Exits with 1 while anything is sealed with
 * another key.
 */
import { createDb } from '../adapters/db.server'
import { createFingerprints } from '../adapters/fingerprint.server'
import { createSealer } from '../adapters/sealing.server'
import { readHoldKeys, type HoldKeys } from '../domain/people/hold-keys.server'
import { rotateVault } from '../domain/vault/rotate.server'
import { EnvError, readEnv } from '../env.server'

/** What the rotation did for bans, holds and grants: nothing, as their keys are not rotated with it. */
function holdLines({ kept, needing, unnoted, lost }: HoldKeys): string[] {
  const bans = (count: number) =>
    count === 1 ? '1 ban, hold or grant' : `${count} bans, holds and grants`
  return [
    ...(kept > 0
      ? [`${bans(kept)} stay as they are: their key is not one of those that may go.`]
      : []),
    ...Object.entries(needing).map(
      ([key, count]) =>
        `${bans(count)} recorded with key ${key}, which only ENCRYPTION_KEY lists. ` +
        'Put that key into FINGERPRINT_KEY before you remove it, or they end with it.',
    ),
    ...(unnoted > 0
      ? [
          `${bans(unnoted)} recorded before their key was noted. Put every key of ENCRYPTION_KEY but ` +
            'the first into FINGERPRINT_KEY before you remove it, or they end with it.',
        ]
      : []),
    ...Object.entries(lost).map(
      ([key, count]) =>
        `${bans(count)} recorded with key ${key}, which no list has any more: those people are not recognised. ` +
        'Put that key into FINGERPRINT_KEY, or ban those people again.',
    ),
  ]
}

const say = (line: string) => process.stdout.write(`${line}\n`)

if (process.argv.length > 2) {
  process.stderr.write(
    `Unknown argument ${process.argv.slice(2).join(' ')}. Use: npm run vault:rotate\n`,
  )
  process.exit(2)
}
try {
  const env = readEnv()
  const db = createDb(env.DATABASE_URL, {
    max: 2,
    applicationName: 'keymint-vault-rotate',
    unhurried: true,
  })
  const sealer = createSealer(env.ENCRYPTION_KEY)
  say(`Sealing everything with key ${sealer.newestKeyId}.`)
  const report = await rotateVault({ db, sealer }, ({ table, resealed, left }) =>
    say(`${resealed} sealed again, ${left} left in ${table}`),
  )
  const fingerprints = createFingerprints({
    own: env.FINGERPRINT_KEY ?? [],
    encryption: env.ENCRYPTION_KEY,
  })
  const holds = await readHoldKeys({ db, fingerprints, now: () => new Date() })
  await db.$disconnect()
  say(`Sealed ${report.resealed} secrets again.`)
  if (report.bound > 0)
    say(`${report.bound} credentials of teams are now sealed to their service and address.`)
  for (const [key, count] of Object.entries(report.leftByKey)) say(`${count} left on key ${key}`)
  for (const row of report.unopenable)
    say(
      `No key of ENCRYPTION_KEY can decrypt ${row}. Put the key it was sealed with back into the list. ` +
        'A credential of a team does not open either where its row was changed by hand: have its owner replace it.',
    )
  for (const column of report.unknownColumns)
    say(
      `keymint.${column} holds sealed values that this program does not know. Keep the old key and report this.`,
    )
  for (const line of holdLines(holds)) say(line)
  const done =
    Object.keys(report.leftByKey).length === 0 &&
    report.unknownColumns.length === 0 &&
    Object.keys(holds.needing).length === 0 &&
    holds.unnoted === 0
  say(
    done
      ? `Nothing left on any key but ${sealer.newestKeyId}.`
      : 'Not finished: keep the old keys in ENCRYPTION_KEY.',
  )
  process.exit(done ? 0 : 1)
} catch (error) {
  process.stderr.write(
    error instanceof EnvError
      ? `${error.message}\n`
      : `The rotation stopped; start it again. ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

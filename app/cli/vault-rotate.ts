/**
 * `npm run vault:rotate`: seals everything again with the first key of ENCRYPTION_KEY, while the
 * app runs. It can be interrupted and started again. Exits with 1 while anything is sealed with
 * another key.
 */
import { createDb } from '../adapters/db.server'
import { createSealer } from '../adapters/sealing.server'
import { rotateVault } from '../domain/vault/rotate.server'
import { EnvError, readEnv } from '../env.server'

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
  const done = Object.keys(report.leftByKey).length === 0 && report.unknownColumns.length === 0
  say(
    done
      ? `Nothing left on any key but ${sealer.newestKeyId}. ` +
          'Bans and holds recorded with an older key end when you remove it from ENCRYPTION_KEY.'
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

/**
 * `npm run rehearse -- workshops/x.yaml --people 150 [--at 09:00] [--json]`: plays the day of this
 * file against the stand-ins. It needs the development packages, and neither a provider nor an
 * installation; nothing outside is changed. Exits with 0 when the file is ready, with 1 when
 * something must change, with 2 on a wrong argument or when it cannot start.
 */
import { parseArgs } from 'node:util'
import { publicAddress } from '../../app/cli/plan/models'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { StartError } from '../../simulators/start-error'
import { rehearsalText, rehearse, type RehearsalInput } from './rehearse'

const usage = 'Use: npm run rehearse -- workshops/<slug>.yaml [--people 150] [--at 09:00] [--json]'

try {
  const { input, json } = readArguments()
  const postgres = await startPostgres()
  try {
    const template = await createTemplate(postgres.adminUrl, migrate)
    const made = await rehearse({ ...input, template: { adminUrl: postgres.adminUrl, template } })
    process.exitCode = made.isReady ? 0 : 1
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...made, workshop: made.workshop?.slug ?? null }, null, 2)}\n`
        : rehearsalText(input, made),
    )
  } finally {
    await postgres.stop()
  }
  process.exit()
} catch (error) {
  if (!(error instanceof StartError || (error instanceof TypeError && 'code' in error))) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}

function readArguments(): { input: RehearsalInput; json: boolean } {
  const { values, positionals } = parseArgs({
    options: {
      people: { type: 'string', default: '150' },
      at: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const [file] = positionals
  const people = Number(values.people)
  const isClock = values.at === undefined || /^([01]\d|2[0-3]):[0-5]\d$/.test(values.at)
  if (positionals.length !== 1 || !file) throw new StartError(usage)
  if (!/^[1-9]\d{0,3}$/.test(values.people) || people > 2000)
    throw new StartError(`--people is a number from 1 to 2000.\n${usage}`)
  if (!isClock) throw new StartError(`--at is a time of the event’s clocks: 09:00.\n${usage}`)
  return {
    json: values.json,
    input: {
      file,
      people,
      at: values.at ?? null,
      modelsFrom: process.env.OPENROUTER_BASE_URL || publicAddress,
      now: new Date(),
    },
  }
}

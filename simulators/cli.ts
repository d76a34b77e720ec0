/**
 * `npm run simulators`: all stand-ins in one terminal, until Ctrl-C. With --json one line on stdout
 * and nothing else.
 */
import { portOf } from './free-port'
import { StartError } from './start-error'
import { startWorld, type World } from './world'

const defaultPorts = {
  openrouter: 4010,
  github: 4011,
  google: 4012,
  litellm: 4013,
  runpod: 4014,
  aws: 4015,
  postgres: 54329,
}

await main()

async function main(): Promise<void> {
  let world: World | undefined
  let asked = false
  const leave = async () => {
    if (asked) return
    asked = true
    if (!world) return
    // A stop that hangs must not hold the terminal for ever; PostgreSQL's watcher then does the
    // rest.
    setTimeout(() => process.exit(1), 20_000).unref()
    await world.stop()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void leave())
  // Whoever read the line may have gone; that is no reason to fall.
  process.stdout.on('error', () => undefined)

  try {
    const appOrigins = (process.env.APP_ORIGIN ?? 'http://localhost:3000')
      .split(',')
      .map((text) => originOf(text.trim()))
    world = await startWorld({
      dataDir: process.env.KEYMINT_DATA_DIR || '.keymint',
      ports: {
        openrouter: portOf('SIM_OPENROUTER_PORT', defaultPorts.openrouter),
        litellm: portOf('SIM_LITELLM_PORT', defaultPorts.litellm),
        runpod: portOf('SIM_RUNPOD_PORT', defaultPorts.runpod),
        aws: portOf('SIM_AWS_PORT', defaultPorts.aws),
        github: portOf('SIM_GITHUB_PORT', defaultPorts.github),
        google: portOf('SIM_GOOGLE_PORT', defaultPorts.google),
        postgres: portOf('SIM_POSTGRES_PORT', defaultPorts.postgres),
      },
      appOrigins,
    })
    if (asked) {
      await world.stop()
      process.exit(0)
    }
    process.stdout.write(
      process.argv.includes('--json')
        ? `${JSON.stringify(summaryOf(world))}\n`
        : tableOf(world, appOrigins[0] ?? ''),
    )
  } catch (error) {
    await world?.stop()
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

function summaryOf({ postgres, openrouter, litellm, runpod, aws, github, google, people }: World) {
  return {
    postgres: { url: postgres.url, adminUrl: postgres.adminUrl },
    openrouter: {
      baseUrl: openrouter.baseUrl,
      managementKey: openrouter.managementKey,
      faultsUrl: openrouter.faultsUrl,
    },
    litellm: {
      baseUrl: litellm.baseUrl,
      masterKey: litellm.masterKey,
      faultsUrl: litellm.faultsUrl,
    },
    runpod: { baseUrl: runpod.baseUrl, apiKey: runpod.apiKey, faultsUrl: runpod.faultsUrl },
    aws,
    github,
    google,
    people,
  }
}

function tableOf(world: World, appOrigin: string): string {
  const { postgres, openrouter, litellm, runpod, aws, github, google, people } = world
  const count = (provider: string) => people.filter((person) => person.provider === provider).length
  const rows = [
    [
      'PostgreSQL',
      postgres.external ? 'the server of DATABASE_URL' : `127.0.0.1:${postgres.port}`,
      '',
    ],
    ['OpenRouter', openrouter.baseUrl, `faults: ${openrouter.faultsUrl}`],
    ['LiteLLM', litellm.baseUrl, `master key: ${litellm.masterKey}, faults: ${litellm.faultsUrl}`],
    ['RunPod', runpod.baseUrl, `API key: ${runpod.apiKey}, faults: ${runpod.faultsUrl}`],
    ['AWS', aws.baseUrl, `access key: ${aws.accessKeyId}, faults: ${aws.faultsUrl}`],
    ['GitHub', github.url, `${count('github')} people, faults: ${github.faultsUrl}`],
    ['Google', google.url, `${count('google')} people, faults: ${google.faultsUrl}`],
  ]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const table = rows.map(([name = '', address = '', note = '']) =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${address.padEnd(widths[1] ?? 0)}  ${note}`.trimEnd(),
  )
  const special = people
    .filter(({ note }) => note)
    .map(({ provider, login, note }) => `  ${provider.padEnd(6)}  ${login.padEnd(24)}  ${note}`)
  const environment = Object.entries(world.environment(appOrigin)).map(
    ([name, value]) => `export ${name}='${value}'`,
  )
  return [
    '',
    'The stand-ins are running. Ctrl-C stops them all.',
    '',
    ...table,
    '',
    'People with something special about them:',
    '',
    ...special,
    '',
    'For an app in another terminal:',
    '',
    ...environment,
    '',
    '',
  ].join('\n')
}

function originOf(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new StartError(
    `APP_ORIGIN is "${text}", and must be an origin without a path, such as http://localhost:3000 (several are separated by commas).`,
  )
}

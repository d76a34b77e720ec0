/** Something that a journey can stop and start again; what it was asked meanwhile fails. */
export type Stoppable = { stop(): Promise<void>; start(): Promise<void> }

/** What a journey knows of the world it is played in. */
export type Stage = {
  origin: string
  /** The same deployment, with minting disabled. */
  offOrigin: string
  databaseUrl: string
  openrouter: { baseUrl: string; root: string; faultsUrl: string }
  litellm: { baseUrl: string; masterKey: string }
  runpod: { baseUrl: string; apiKey: string; proxyUrl: string }
  aws: { baseUrl: string; accessKeyId: string; secretAccessKey: string; bucket: string }
  github: { url: string; faultsUrl: string }
  google: { url: string; faultsUrl: string }
  logs: string[]
  web: Stoppable
  /** Of the processes; the journey itself still reaches it by `databaseUrl`. */
  database: Stoppable
  secrets: { managementKey: string; encryptionKey: string; sessionSecret: string }
}

/** The server of the run and the migrated database in it, handed from the global setup to workers. */
export type JourneysDatabase = { adminUrl: string; template: string }

export const databaseVariable = 'KEYMINT_JOURNEYS_DATABASE'

export function readDatabase(): JourneysDatabase {
  const text = process.env[databaseVariable]
  if (!text)
    throw new Error(
      'There is no database for journeys. ' +
        'They run by `npm test` or `npx playwright test --config e2e/playwright.config.ts`.',
    )
  return JSON.parse(text) as JourneysDatabase
}

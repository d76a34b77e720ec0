/** What a journey knows of the world it is played in, handed from the global setup to the tests. */
export type Stage = {
  origin: string
  /** The same deployment, with minting switched off. */
  offOrigin: string
  databaseUrl: string
  openrouter: { baseUrl: string; root: string; faultsUrl: string }
  github: { url: string; faultsUrl: string }
  google: { url: string; faultsUrl: string }
  logs: string[]
  secrets: { managementKey: string; encryptionKey: string; sessionSecret: string }
}

export const settingOfStage = 'KEYMINT_JOURNEYS_STAGE'

export function readStage(): Stage {
  const text = process.env[settingOfStage]
  if (!text)
    throw new Error(
      'There is no world: the journeys run by `npm test` or `npx playwright test --config e2e/playwright.config.ts`.',
    )
  return JSON.parse(text) as Stage
}

/** The stand-in as a process of its own; prints one line of JSON when it listens. */
import { startLiteLlm } from './server.ts'

try {
  const running = await startLiteLlm({
    port: Number(process.env['SIM_LITELLM_PORT'] ?? 0),
    dataDir: process.env['SIM_LITELLM_DATA_DIR'],
    masterKey: process.env['SIM_LITELLM_MASTER_KEY'],
  })
  console.log(
    JSON.stringify({
      baseUrl: running.baseUrl,
      masterKey: running.masterKey,
      faultsUrl: running.faultsUrl,
    }),
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.stop().then(() => process.exit(0)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

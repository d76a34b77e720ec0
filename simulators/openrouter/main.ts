/** The stand-in as a process of its own; prints one line of JSON when it listens. */
import { startOpenRouter } from './server.ts'

try {
  const running = await startOpenRouter({
    port: Number(process.env['SIM_OPENROUTER_PORT'] ?? 0),
    dataDir: process.env['SIM_OPENROUTER_DATA_DIR'],
    managementKey: process.env['SIM_OPENROUTER_MANAGEMENT_KEY'],
  })
  console.log(
    JSON.stringify({
      baseUrl: running.baseUrl,
      managementKey: running.managementKey,
      faultsUrl: running.faultsUrl,
    }),
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.stop().then(() => process.exit(0)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

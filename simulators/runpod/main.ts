/** The stand-in as a process of its own; prints one line of JSON when it listens. */
import { startRunPod } from './server.ts'

try {
  const running = await startRunPod({
    port: Number(process.env['SIM_RUNPOD_PORT'] ?? 0),
    dataDir: process.env['SIM_RUNPOD_DATA_DIR'],
    apiKey: process.env['SIM_RUNPOD_API_KEY'],
  })
  console.log(
    JSON.stringify({
      baseUrl: running.baseUrl,
      apiKey: running.apiKey,
      faultsUrl: running.faultsUrl,
      proxyUrl: running.proxyUrl,
    }),
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.stop().then(() => process.exit(0)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

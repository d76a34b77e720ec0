/** The stand-in as a process of its own; prints one line of JSON when it listens. */
import { startAws } from './server.ts'

try {
  const running = await startAws({
    port: Number(process.env['SIM_AWS_PORT'] ?? 0),
    dataDir: process.env['SIM_AWS_DATA_DIR'],
  })
  const { baseUrl, accessKeyId, secretAccessKey, bucket, faultsUrl } = running
  console.log(JSON.stringify({ baseUrl, accessKeyId, secretAccessKey, bucket, faultsUrl }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.stop().then(() => process.exit(0)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

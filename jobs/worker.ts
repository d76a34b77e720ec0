/** The worker process: environment in, jobs until SIGTERM. */
import closeWithGrace from 'close-with-grace'
import { version } from '../package.json'
import { EnvError, readEnv } from '~/env.server'
import { listenForMetrics } from '~/metrics-http'
import { createWorkerRuntime } from '~/runtime.server'
import { startWorker } from './start-worker'

try {
  const env = readEnv()
  const { ctx, boss, workerId, sessionUrl, close } = await createWorkerRuntime(env)
  const worker = await startWorker(ctx, boss, {
    id: workerId,
    sessionUrl,
    concurrency: env.MINT_CONCURRENCY,
    version: env.FLY_IMAGE_REF ?? version,
    region: env.FLY_REGION,
  })
  const metricsServer =
    env.METRICS_PORT === undefined
      ? null
      : listenForMetrics(
          { metrics: ctx.metrics, token: env.METRICS_TOKEN, open: env.METRICS_PORT_OPEN },
          env.METRICS_PORT,
          (error) =>
            ctx.log.error(
              { error, port: env.METRICS_PORT },
              'the metrics port failed; jobs are not affected',
            ),
        )
  closeWithGrace({ delay: 25_000, logger: false }, async ({ err }) => {
    if (err) ctx.log.error({ error: err }, 'the worker stops because of an error')
    await worker.stop()
    metricsServer?.close()
    await close()
    ctx.log.info('worker has stopped')
  })
} catch (error) {
  // Before there is a log, and for a person at a terminal: the message alone.
  process.stderr.write(
    error instanceof EnvError
      ? `${error.message}\n`
      : `The worker cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

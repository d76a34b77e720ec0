/**
 * The web process: Express in front of Remix. It holds what must come before any route: the origin
 * guard, security headers with a nonce, request ids and health, and it stops gracefully.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { constants } from 'node:zlib'
import type { AppLoadContext, ServerBuild } from '@remix-run/node'
import closeWithGrace, { type Options } from 'close-with-grace'
import compression from 'compression'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import { startAlertWatch } from './alert-watch'
import { clientAddress } from './client-address'
import { inLogContext } from './adapters/log.server'
import { createAuthSetup } from './adapters/identity-providers.server'
import type { Ctx } from './domain/ctx'
import { refreshGauges } from './domain/operations/gauges.server'
import { readiness } from './domain/operations/workers.server'
import { rememberSwitches } from './domain/workshop/switches.server'
import { EnvError, readEnv, type Env } from './env.server'
import { createLoad, type Load } from './load'
import { answerMetrics, listenForMetrics, type MetricsEndpoint } from './metrics-http'
import { readOnlyRoutes, routePatterns } from './route-patterns'
import { createSegmentHandler } from './routes-by-segment'
import {
  collectBody,
  isReadable,
  letRoutesDecide,
  nameOurselves,
  refuseFormsWhere,
  refuseOddAddress,
  refuseOddMethod,
  requestTimes,
  withBody,
} from './request-guard'
import { createWebRuntime, webConnections } from './runtime.server'
import { statusEndpoint, statusPath } from './status-endpoint'
import { loggedPath } from './web/logged-path'
import { isSameOrigin } from './web/origin.server'

const lingerMs = 1_000

type Locals = { cspNonce: string; requestId: string; body?: Buffer }

/**
 * A form posted without JavaScript is redirected to the provider, and browsers hold form-action on
 * redirects too.
 */
function contentSecurityPolicy(env: Env) {
  const providers = [new URL(env.GITHUB_WEB_URL).origin, new URL(env.GOOGLE_AUTH_URL).origin]
  return helmet.contentSecurityPolicy({
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      scriptSrc: [
        "'strict-dynamic'",
        (_request, response) =>
          `'nonce-${(response as unknown as Response<unknown, Locals>).locals.cspNonce}'`,
      ],
      styleSrc: ["'self'"],
      imgSrc: [
        "'self'",
        'data:',
        'https://avatars.githubusercontent.com',
        'https://lh3.googleusercontent.com',
      ],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'", ...providers],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
      objectSrc: ["'none'"],
    },
  })
}

function createApp(
  env: Env,
  ctx: Ctx,
  build: ServerBuild,
  buildDirectory: string,
  metrics: MetricsEndpoint,
  load: Load,
): Express {
  const app = express()
  const https = env.APP_ORIGIN.startsWith('https:')
  const auth = createAuthSetup({
    appOrigin: env.APP_ORIGIN,
    sessionSecrets: env.SESSION_SECRET,
    github: {
      clientId: env.GITHUB_CLIENT_ID,
      clientSecret: env.GITHUB_CLIENT_SECRET,
      webUrl: env.GITHUB_WEB_URL,
      apiUrl: env.GITHUB_API_URL,
    },
    google: {
      clientId: env.GOOGLE_CLIENT_ID,
      clientSecret: env.GOOGLE_CLIENT_SECRET,
      authUrl: env.GOOGLE_AUTH_URL,
      tokenUrl: env.GOOGLE_TOKEN_URL,
      issuers: env.GOOGLE_ISSUERS,
    },
  })
  app.disable('x-powered-by')
  app.set('trust proxy', 1)

  // Liveness knows the process only: a short outage of the database must not restart every machine.
  app.get(
    '/healthz',
    (request, response) =>
      void response
        .set('Cache-Control', 'no-store')
        // Their own address, to whoever asks: the doctor compares it from outside.
        .set('Keymint-Client-Address', clientAddress(env, request) ?? 'unknown')
        .type('text')
        .send('ok'),
  )
  app.get('/readyz', (_request, response, next) => {
    readiness(ctx)
      .then((report) =>
        response
          .status(report.ready ? 200 : 503)
          .set('Cache-Control', 'no-store')
          .json(report),
      )
      .catch(next)
  })

  app.get(
    '/metrics',
    (request, response, next) => void answerMetrics(metrics, request, response).catch(next),
  )
  const patternOf = routePatterns(build.routes)
  app.use((request: Request, response: Response, next: NextFunction) => {
    const startedAt = performance.now()
    const { method, path: pathname } = request
    response.once('finish', () =>
      ctx.metrics.observeRequest(
        method,
        // The router writes what it cannot decode to the console, tokens of links included.
        isReadable(request.originalUrl) ? patternOf(pathname) : 'none',
        response.statusCode,
        (performance.now() - startedAt) / 1000,
      ),
    )
    next()
  })

  app.use((_request: Request, response: Response<unknown, Locals>, next: NextFunction) => {
    response.locals.cspNonce = randomBytes(16).toString('base64')
    response.locals.requestId = randomUUID()
    response.set('X-Request-Id', response.locals.requestId)
    inLogContext({ requestId: response.locals.requestId }, next)
  })
  app.use(
    helmet({
      contentSecurityPolicy: false,
      strictTransportSecurity: https,
      referrerPolicy: { policy: 'strict-origin-when-cross-origin' },
      crossOriginEmbedderPolicy: false,
    }),
  )
  app.use(contentSecurityPolicy(env))
  app.use(refuseOddAddress, refuseOddMethod)
  // A document is compressed in one piece (entry.server.tsx), for which a small window is enough.
  app.use(
    compression({
      brotli: {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 5,
          [constants.BROTLI_PARAM_LGWIN]: 17,
        },
      },
    }),
  )
  app.use(
    '/assets',
    express.static(path.join(buildDirectory, 'client/assets'), { immutable: true, maxAge: '1y' }),
  )

  // Icons and the like: known by name, so that no page asks the disk for one of its own.
  const clientDirectory = path.join(buildDirectory, 'client')
  const rootFiles = readdirSync(clientDirectory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => `/${name}`)
  if (rootFiles.length > 0) app.get(rootFiles, express.static(clientDirectory, { maxAge: '1h' }))

  app.use((request: Request, response: Response, next: NextFunction) => {
    const allowed = isSameOrigin(
      {
        method: request.method,
        secFetchSite: request.get('sec-fetch-site') ?? null,
        origin: request.get('origin') ?? null,
      },
      env.APP_ORIGIN,
    )
    if (!allowed) {
      ctx.log.warn(
        { method: request.method, path: loggedPath(request.path) },
        'refused a request from another origin',
      )
      response
        .status(403)
        .type('text')
        .send(
          'This request came from another site, so nothing has changed. ' +
            'Open the page again and repeat what you did.\n',
        )
      return
    }
    // Single fetch is on; the older request for one loader would bypass it.
    if ('_data' in request.query) {
      response.status(400).type('text').send('This address does not exist.\n')
      return
    }
    response.set('Cache-Control', 'no-store')
    next()
  })

  // A body that is on its way holds no place in the line: it is taken in first.
  app.use(
    nameOurselves(env.APP_ORIGIN),
    refuseFormsWhere(readOnlyRoutes(build.routes)),
    collectBody,
  )
  app.use((request, response, next) => load.shape(request, response, next))
  const contextOf = (request: Request, response: Response): AppLoadContext => {
    const locals = response.locals as Locals
    return {
      ctx,
      auth,
      cspNonce: locals.cspNonce,
      requestId: locals.requestId,
      ip: clientAddress(env, request),
      pollStretch: load.stretch(),
    }
  }
  app.get(statusPath, statusEndpoint(build, env.APP_ORIGIN, contextOf))
  const handleRequest = createSegmentHandler({
    build,
    mode: env.NODE_ENV,
    getLoadContext: contextOf,
  })
  app.all('*', letRoutesDecide, (request, response, next) => {
    const { body = Buffer.alloc(0) } = response.locals as Locals
    void handleRequest(withBody(request, body), response, next)
  })
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    ctx.log.error(
      { error, method: request.method, path: loggedPath(request.path) },
      'a request failed before or after its route',
    )
    if (response.headersSent) return void response.destroy()
    response.status(500).type('text').send('This request failed. Try again.\n')
  })
  return app
}

/**
 * Load balancers learn that we stop a little later than we do. Until then each answer closes its
 * connection; closing idle ones at once would cut a request that is already on its way.
 */
async function stopListening(server: Server): Promise<void> {
  server.prependListener(
    'request',
    (_request, response: ServerResponse) => void response.setHeader('Connection', 'close'),
  )
  await sleep(lingerMs)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}

/** Where `npm run build` puts the application, seen from the source or from the bundle. */
function findBuildDirectory(): string {
  const directory = path.resolve('build/web')
  if (!existsSync(path.join(directory, 'server/index.js')))
    throw new Error(`There is no build in ${directory}. Run: npm run build`)
  return directory
}

try {
  const env = readEnv()
  const buildDirectory = findBuildDirectory()
  const build = (await import(
    /* @vite-ignore */ `file://${path.join(buildDirectory, 'server/index.js')}`
  )) as ServerBuild
  const { ctx, close } = await createWebRuntime(env)
  await rememberSwitches(ctx)
  const metrics: MetricsEndpoint = {
    metrics: ctx.metrics,
    token: env.METRICS_TOKEN,
    open: false,
    refresh: () => refreshGauges(ctx),
  }
  const metricsEndpoint =
    env.METRICS_PORT === undefined
      ? null
      : listenForMetrics({ ...metrics, open: env.METRICS_PORT_OPEN }, env.METRICS_PORT, (error) =>
          ctx.log.error(
            { error, port: env.METRICS_PORT },
            'the metrics port failed; pages are still served',
          ),
        )
  const alertWatch = startAlertWatch(ctx)
  const load = createLoad({ connections: webConnections })
  const app = createApp(env, ctx, build, buildDirectory, metrics, load)
  const server = createServer(requestTimes, app).listen(env.PORT, () =>
    ctx.log.info({ port: env.PORT, origin: env.APP_ORIGIN }, 'web is listening'),
  )
  server.on('error', (error: NodeJS.ErrnoException) => {
    process.stderr.write(
      error.code === 'EADDRINUSE'
        ? `Port ${env.PORT} is taken. Stop what uses it or set PORT.\n`
        : `The web process cannot listen: ${error.message}\n`,
    )
    process.exit(1)
  })
  // Longer than a load balancer keeps its connections, so that it never uses one that is closing.
  server.keepAliveTimeout = 65_000
  // One request's failure is its own: it is logged, and everybody else is served.
  process.on('unhandledRejection', (error) =>
    ctx.log.error({ error }, 'a failure that no request waited for'),
  )
  const grace: Options = { delay: 20_000, logger: false, skip: ['unhandledRejection'] }
  closeWithGrace(grace, async ({ err }: { err?: Error }) => {
    if (err) ctx.log.error({ error: err }, 'the web process stops because of an error')
    await stopListening(server)
    metricsEndpoint?.close()
    await alertWatch.stop()
    load.stop()
    await close()
    ctx.log.info('web has stopped')
  })
} catch (error) {
  const detail = error instanceof Error ? error.message : String(error)
  process.stderr.write(
    `${error instanceof EnvError ? detail : `The web process cannot start: ${detail}`}\n`,
  )
  process.exit(1)
}

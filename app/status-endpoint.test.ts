/** The poll's own endpoint answers byte for byte what the router answers. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequestHandler } from '@remix-run/express'
import type { AppLoadContext, LoaderFunctionArgs, ServerBuild } from '@remix-run/node'
import express from 'express'
import { expect, test } from 'vitest'
import { statusEndpoint, statusPath } from './status-endpoint'

const routeId = 'routes/w.$workshop.claim.status'

function loader({ request, params, context }: LoaderFunctionArgs): Promise<Response> {
  const asked = {
    path: new URL(request.url).pathname,
    query: new URL(request.url).search,
    method: request.method,
    cookie: request.headers.get('Cookie'),
    workshop: params.workshop,
    ip: context.ip,
  }
  if (params.workshop === 'thrown') throw Response.json(asked, { status: 503, headers })
  return Promise.resolve(
    Response.json(asked, { status: params.workshop === 'no' ? 401 : 200, headers }),
  )
}

const headers = { 'Cache-Control': 'no-store', 'Retry-After': '5' }

const build = {
  entry: { module: { default: () => new Response('a page') } },
  routes: {
    root: { id: 'root', path: '', module: { default: () => null } },
    [routeId]: { id: routeId, parentId: 'root', path: statusPath.slice(1), module: { loader } },
  },
  assets: { entry: { imports: [], module: '' }, routes: {}, url: '', version: '' },
  assetsBuildDirectory: '',
  publicPath: '/',
  basename: '/',
  future: { v3_singleFetch: true },
  isSpaMode: false,
} as unknown as ServerBuild

test('the endpoint and the router give the same status, headers and bytes', async () => {
  const contextOf = () => ({ ip: '203.0.113.7' }) as AppLoadContext
  const origins: string[] = []
  const servers = [true, false].map((endpoint) => {
    const app = express()
    const server = createServer(app).listen(0, '127.0.0.1')
    if (endpoint) app.get(statusPath, statusEndpoint(build, 'http://keymint.test', contextOf))
    const handle = createRequestHandler({ build, getLoadContext: contextOf })
    app.all('*', (request, response, next) => void handle(request, response, next))
    return server
  })
  try {
    for (const server of servers) {
      if (!server.listening) await once(server, 'listening')
      origins.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    }
    for (const path of ['spring', 'no', 'thrown', 'a%20room', 'spring?x=1'].map((slug) => {
      const [name, query = ''] = slug.split('?')
      return `/w/${name}/claim/status${query && `?${query}`}`
    })) {
      const [endpoint, router] = await Promise.all(
        origins.map(async (origin) => {
          const answer = await fetch(`${origin}${path}`, {
            headers: { Cookie: 'session=one; theme=dark' },
          })
          const named = ['content-type', 'cache-control', 'retry-after']
          return {
            status: answer.status,
            headers: named.map((name) => answer.headers.get(name)),
            body: await answer.text(),
          }
        }),
      )
      expect(endpoint).toEqual(router)
      expect(endpoint?.body).toContain('203.0.113.7')
    }
  } finally {
    servers.forEach((server) => server.close())
  }
})

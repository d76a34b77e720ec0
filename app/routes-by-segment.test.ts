/** Each first segment has a handler of its own, which answers as one handler of all routes does. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequestHandler } from '@remix-run/express'
import type { LoaderFunctionArgs, ServerBuild } from '@remix-run/node'
import express from 'express'
import { expect, test } from 'vitest'
import { createSegmentHandler, only } from './routes-by-segment'

const paths = ['w/:workshop', 'w/:workshop/claim', 'w/:workshop/wall', 'me', 'me/setup', '*']
const routeOf = (path: string) => ({
  id: path,
  parentId: 'root',
  path,
  module: {
    loader: ({ params }: LoaderFunctionArgs) =>
      Response.json({ path, params }, { status: path === '*' ? 404 : 200 }),
  },
})
const routes = {
  root: { id: 'root', path: '', module: { default: () => null } },
  index: { ...routeOf(''), id: 'index', path: undefined, index: true },
  ...Object.fromEntries(paths.map((path) => [path, routeOf(path)])),
  below: { ...routeOf('below'), parentId: 'me/setup' },
}
const build = {
  entry: { module: { default: () => new Response('a page') } },
  routes,
  assets: { entry: { imports: [], module: '' }, routes: {}, url: '', version: '' },
  assetsBuildDirectory: '',
  publicPath: '/',
  basename: '/',
  future: { v3_singleFetch: true },
  isSpaMode: false,
} as unknown as ServerBuild

test('a segment keeps its own routes, what is below them, the root and the wildcards', () => {
  const kept = (segment: string) => Object.keys(only(build.routes, segment))
  expect(kept('w')).toEqual([
    'root',
    'index',
    'w/:workshop',
    'w/:workshop/claim',
    'w/:workshop/wall',
    '*',
  ])
  expect(kept('me')).toEqual(['root', 'index', 'me', 'me/setup', '*', 'below'])
})

test('any address gets the same answer from both', async () => {
  const servers = [createSegmentHandler({ build }), createRequestHandler({ build })].map(
    (handle) => {
      const app = express()
      app.all('*', (asked, answer, next) => void handle(asked, answer, next))
      return createServer(app).listen(0, '127.0.0.1')
    },
  )
  try {
    for (const server of servers) if (!server.listening) await once(server, 'listening')
    for (const path of [
      '/',
      '/w',
      '/w/spring',
      '/w/spring/',
      '/w//claim',
      '/w/spring/claim?x=1',
      '/W/spring/Claim',
      '/%77/spring/claim',
      '/w/sp%20ring/nothing/here',
      '/me',
      '/me/setup',
      '/me/setup/below',
      '/ME/setup',
      '/__proto__/setup',
      '/constructor/setup',
      '/nowhere/at/all',
    ]) {
      const [one, all] = await Promise.all(servers.map((server) => ask(server.address(), path)))
      expect(one, path).toEqual(all)
      expect([200, 404], path).toContain(one?.status)
    }
  } finally {
    servers.forEach((server) => server.close())
  }
})

/** The path as it stands: a client that cleans it up would ask for another one. */
function ask(address: unknown, path: string): Promise<{ status: number; body: string }> {
  const { port } = address as AddressInfo
  return new Promise((resolve, reject) => {
    request({ port, path, host: '127.0.0.1' }, (answer) => {
      let body = ''
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

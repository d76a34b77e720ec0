/** The routes of the setup in one line behind a port, for the script that a terminal runs. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ActionFunctionArgs } from '@remix-run/node'
import type { AuthSetup } from '~/adapters/identity-providers.server'
import { action as poll } from '~/routes/setup.poll'
import { action as start } from '~/routes/setup.start'
import { loader as script } from '~/routes/setup[.]mjs'
import type { World } from './world'

/** What a route is given; `auth` is for routes that ask who is signed in. */
export const routeArgs = (world: World, request: Request, auth = {} as AuthSetup) => ({
  request,
  params: {},
  context: {
    ctx: world.ctx,
    auth,
    cspNonce: '',
    requestId: 'r-1',
    ip: '192.0.2.1',
    pollStretch: 1,
  },
})

type Route = (args: ActionFunctionArgs) => Promise<Response>
const routes: Record<string, Route> = {
  'GET /setup.mjs': script,
  'POST /setup/start': start,
  'POST /setup/poll': poll,
}

/** Serves them until the world closes. `answers` keeps the body of every answer. */
export async function serveSetup(world: World): Promise<{ origin: string; answers: string[] }> {
  const answers: string[] = []
  const server = createServer((request, response) => {
    const run = async () => {
      const route = routes[`${request.method} ${request.url}`]
      if (!route) return void response.writeHead(404).end()
      const body = await text(request)
      const answer = await route(
        routeArgs(
          world,
          new Request(`${world.ctx.deployment.appOrigin}${request.url}`, {
            method: request.method ?? 'GET',
            headers: request.headers as Record<string, string>,
            ...(request.method === 'POST' ? { body } : {}),
          }),
        ),
      )
      // The site says how often it is asked; a test is in a hurry.
      const sent = (await answer.text()).replace('"everySeconds":3', '"everySeconds":0.3')
      answers.push(sent)
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(sent)
    }
    run().catch((thrown: unknown) =>
      response.writeHead(thrown instanceof Response ? thrown.status : 500).end(),
    )
  }).listen(0, 'localhost')
  await once(server, 'listening')
  world.onClose(async () => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  world.ctx.deployment.appOrigin = origin
  return { origin, answers }
}

/** A deployment that is ready, and its readiness check, for tests. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ensureGuardrail } from '~/domain/keys/guardrail.server'
import type { TestedDeployment } from '~/domain/operations/readiness-check'
import type { CheckName } from '~/domain/operations/readiness-finding'
import { checkReadiness } from '~/domain/operations/readiness.server'
import type { Workshop } from '~/domain/workshop-file'
import { checkMessage } from '~/messages/readiness'
import { makeWorkshop, openWorld, usd, type World } from './world'

export const bigWorkshop = (change: Partial<Workshop> = {}) =>
  makeWorkshop({ poolLimit: usd(300), maxKeys: 150, ...change })

/** With a worker that reports, a guardrail, and a sign-in provider that answers. */
export async function readyWorld(workshop = bigWorkshop()) {
  const world = await openWorld({ workshops: [workshop] })
  await world.db.worker.create({ data: { id: 'one', slots: 8 } })
  await ensureGuardrail(world.ctx, workshop.slug)
  const provider = await answering(302)
  world.onClose(provider.stop)
  world.ctx.deployment = {
    appOrigin: 'https://keys.example.org',
    signIn: [
      {
        provider: 'GitHub',
        authorizeUrl: provider.url,
        redirectUri: 'https://keys.example.org/auth/github/callback',
      },
    ],
    weakSecrets: [],
    operator: { name: null, imprintUrl: null, privacyUrl: null },
  }
  return world
}

export async function answering(status: number) {
  const server = createServer(
    (_request, response) =>
      void response.writeHead(status, { location: 'https://elsewhere.invalid/' }).end(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/authorize?client_id=x`,
    stop: async () => void server.close(),
  }
}

export async function examine(tested: TestedDeployment, options = { canary: false }) {
  const report = await checkReadiness(tested, options)
  const severities = Object.fromEntries(
    report.checks.map(({ name, severity }) => [name, severity]),
  ) as Record<CheckName, string>
  const found = (name: CheckName) => {
    const check = report.checks.find((one) => one.name === name)!
    return { severity: check.severity, ...checkMessage(check) }
  }
  return {
    report,
    severities,
    found,
    bad: report.checks
      .filter(({ severity }) => severity === 'warning' || severity === 'error')
      .map(({ name }) => name),
  }
}

export const everyKey = (world: World) =>
  world.call<{ keys: { name: string; limit: number }[]; live: number; count: number }>(
    '/__sim/keys',
  )

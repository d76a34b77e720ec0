/**
 * A deployment on one machine as the guide makes it (docs/deploy.md, “With Docker Compose”), with
 * stand-ins for what is outside: the operator's folder, their shell, and people with browsers.
 */
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Balancer, Visitor } from '../image/visitor'
import { freePort } from '../../simulators/free-port'
import { startIdentity } from '../../simulators/identity/server'
import { startOpenRouter } from '../../simulators/openrouter/server'
import { blockOf, openMachine } from './machine'
import { openReceiver } from '../../tests/receiver'

export const slug = 'our-workshop'

export type Operator = Awaited<ReturnType<typeof openOperator>>

/** Everything but what the guide's own commands do. */
export async function openOperator(options: {
  image: string
  adminUrl: string
  imageEnvironment?: Record<string, string>
}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-operator-'))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const [identity, openrouter, receiver] = await Promise.all([
    startIdentity({ appOrigins: [origin] }),
    startOpenRouter({ credits: 1_000 }),
    openReceiver(),
  ])
  for (const file of ['compose.yaml', 'first-run.sh']) copyFileSync(file, path.join(folder, file))
  mkdirSync(path.join(folder, 'workshops'))
  writeFileSync(
    path.join(folder, 'workshops', `${slug}.yaml`),
    readFileSync('simulators/workshops/duckdb-agents.yaml', 'utf8'),
  )
  const machine = await openMachine({
    image: options.image,
    folder,
    adminUrl: options.adminUrl,
    imageEnvironment: options.imageEnvironment ?? {},
  })
  const file = path.join(folder, '.env')
  const root = new URL(openrouter.baseUrl).origin
  const visitors = () => new Balancer(origin, [origin])

  /** age-keygen of this machine, or what it does: an identity in a file, with its recipient. */
  function makeAgeKeygen(identityText: string, recipient: string): void {
    const script = `#!/bin/sh\nprintf '# public key: %s\\n%s\\n' ${recipient} ${identityText} >"$2"\n`
    writeFileSync(path.join(machine.bin, 'age-keygen'), script)
    chmodSync(path.join(machine.bin, 'age-keygen'), 0o755)
  }

  return {
    ...machine,
    folder,
    origin,
    identity,
    openrouter,
    receiver,
    makeAgeKeygen,
    /** What the guide says to fill in, and where the stand-ins are. */
    fillIn(more: Record<string, string> = {}): void {
      const values: Record<string, string> = {
        APP_ORIGIN: origin,
        GITHUB_CLIENT_ID: identity.github.clientId,
        GITHUB_CLIENT_SECRET: identity.github.clientSecret,
        GOOGLE_CLIENT_ID: identity.google.clientId,
        GOOGLE_CLIENT_SECRET: identity.google.clientSecret,
        OPENROUTER_MANAGEMENT_KEY: openrouter.managementKey,
        ADMIN_EMAILS: 'admin@keymint.test',
        ...more,
      }
      const text = readFileSync(file, 'utf8').replace(
        /^([A-Z_]+)=$/gm,
        (line, name: string) => `${name}=${values[name] ?? line.split('=')[1] ?? ''}`,
      )
      writeFileSync(file, text)
      const missing = Object.entries(values).filter(([name]) => !text.includes(`\n${name}=`))
      const outside = {
        KEYMINT_PORT: String(port),
        OPENROUTER_BASE_URL: openrouter.baseUrl,
        GITHUB_WEB_URL: identity.github.url,
        GITHUB_API_URL: identity.github.apiUrl,
        GOOGLE_AUTH_URL: identity.google.authUrl,
        GOOGLE_TOKEN_URL: identity.google.tokenUrl,
        GOOGLE_ISSUERS: identity.google.issuer,
        ALERT_WEBHOOK_URL: `${receiver.url}/hook`,
        ALERT_WEBHOOK_SECRET: randomBytes(32).toString('hex'),
        ALLOW_PRIVATE_SERVICES: '127.0.0.0/8,::1/128',
      }
      const lines = [...missing, ...Object.entries(outside)].map(
        ([name, value]) => `${name}=${value}\n`,
      )
      appendFileSync(file, lines.join(''))
    },
    /** A named block of a page, in the operator's shell; its functions first where it is the page of rotation. */
    follow(page: string, name: string, more: Record<string, string> = {}): Promise<string> {
      const functions = page === 'docs/rotation.md' ? blockOf(page, 'compose') : ''
      return machine.shell(`${functions}\n${blockOf(page, name)}`, more)
    },
    async signIn(login: string): Promise<Visitor> {
      const visitor = new Visitor(visitors())
      await visitor.signIn(login)
      return visitor
    },
    /** Claims, waits for the key, and shows it. */
    async getKey(visitor: Visitor): Promise<string> {
      await visitor.post(`/w/${slug}/claim`)
      return showKey(visitor)
    },
    showKey,
    /** Whether the provider takes the key. */
    async works(key: string): Promise<boolean> {
      const answer = await fetch(`${openrouter.baseUrl}/key`, {
        headers: { authorization: `Bearer ${key}` },
      })
      return answer.ok
    },
    async sim<T>(method: string, what: string): Promise<T> {
      const answer = await fetch(`${root}/__sim/${what}`, { method })
      return (await answer.json()) as T
    },
    async [Symbol.asyncDispose]() {
      await machine.close()
      await Promise.all([identity.stop(), openrouter.stop(), receiver.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function showKey(visitor: Visitor): Promise<string> {
  let last = ''
  for (let tries = 0; tries < 60; tries++) {
    const { text } = await visitor.post(`/w/${slug}/claim/reveal`, { as: 'json' })
    last = text.slice(0, 300)
    const found = /"key":"(sk-or-v1-[0-9a-f]+)"/.exec(text)
    if (found) return found[1]!
    await setTimeout(1_000)
  }
  throw new Error(`No key can be shown: ${last}`)
}

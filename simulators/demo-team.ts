/**
 * The team that the demo begins with: all four services in its vault, budgets, and a key of a member
 * at each. Guarantee: everything goes through Keymint's own forms, and each step is taken only where
 * its result is missing, so a start that was stopped half-way is continued by the next, and what you
 * changed stays as you left it.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { DemoVisitor } from './demo-visitor'
import type { World } from './world'

export const demoTeam = { name: 'Data team', slug: 'data-team', owner: 'owner', member: 'member' }

const budgets = { [demoTeam.owner]: '50', [demoTeam.member]: '100' }
const keys = [
  { service: 'openrouter', purpose: 'Prompts for the report', cap: '20', reset: 'once' },
  { service: 'litellm', purpose: 'Nightly evaluation', cap: '10', reset: 'monthly' },
  { service: 's3', purpose: 'Training data', cap: '30', reset: 'once' },
  { service: 'runpod', purpose: 'Fine-tuning', cap: '5', reset: 'once' },
]
const readyWithinMs = 45_000

type Ask = <Row extends object>(statement: string, values?: unknown[]) => Promise<Row[]>

/** Null when the team stands as it should; otherwise a sentence that says what is missing. */
export async function makeDemoTeam(
  world: World,
  origin: string,
  signal: AbortSignal,
): Promise<string | null> {
  const url = new URL(world.postgres.url)
  url.search = ''
  const client = new pg.Client({ connectionString: url.href })
  // A server that stops meanwhile is told by the query that fails.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const ask: Ask = async <Row extends object>(statement: string, values: unknown[] = []) => {
      signal.throwIfAborted()
      return (await client.query<Row>(statement, values)).rows
    }
    await completeTeam(world, origin, ask)
    return null
  } catch (error) {
    if (signal.aborted) return null
    return `The demo’s team is not complete: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function completeTeam(world: World, origin: string, ask: Ask): Promise<void> {
  const { slug, name } = demoTeam
  const visitors = new Map<string, Promise<DemoVisitor>>()
  const as = (login: string) => {
    const visitor = visitors.get(login) ?? DemoVisitor.signIn(origin, login)
    visitors.set(login, visitor)
    return visitor
  }
  const readTeam = () =>
    ask<{ id: string; closed: boolean }>(
      'select id, closed_at is not null as closed from keymint.teams where slug = $1',
      [slug],
    )
  if ((await readTeam()).length === 0)
    await (await as(demoTeam.owner)).post('/t/new', { name, slug, formId: randomUUID() })
  const [team] = await readTeam()
  if (!team || team.closed) return
  await bringMember(team.id, as, ask)
  await fillVault(world, team.id, as, ask)
  await makeKeys(team.id, as, ask)
  await useKeys(world, team.id, ask)
}

type As = (login: string) => Promise<DemoVisitor>

async function bringMember(teamId: string, as: As, ask: Ask): Promise<void> {
  const members = () =>
    ask<{ login: string; userId: string; budget: boolean }>(
      `select i.login, m.user_id as "userId", exists (select from keymint.budgets b
          where b.team_id = m.team_id and b.user_id = m.user_id) as budget
        from keymint.team_members m join keymint.identities i on i.user_id = m.user_id
        where m.team_id = $1`,
      [teamId],
    )
  const owner = () => as(demoTeam.owner)
  if (!(await members()).some(({ login }) => login === demoTeam.member)) {
    const invitation = { intent: 'invite', role: 'member' }
    const { page } = await (await owner()).post(`/t/${demoTeam.slug}/members`, invitation)
    const link = /\/t\/join\/[\w-]{43}/.exec(page)?.[0]
    if (!link) throw new Error('The members page shows no invitation.')
    await (await as(demoTeam.member)).post(link, {})
  }
  for (const { login, userId, budget } of await members()) {
    const amount = budgets[login]
    if (budget || amount === undefined) continue
    const page = `/t/${demoTeam.slug}/members/${encodeURIComponent(userId)}`
    const change = { intent: 'budget', budget: amount, effective: 'now', reason: 'the demo' }
    await (await owner()).post(page, change)
  }
}

/** A stand-in may listen at another port than last time: its credential then moves there. */
async function fillVault(world: World, teamId: string, as: As, ask: Ask): Promise<void> {
  const { openrouter, litellm, aws, runpod } = world
  const credentials: Record<string, Record<string, string>> = {
    openrouter: { secret: openrouter.managementKey },
    litellm: { secret: litellm.masterKey, baseUrl: litellm.baseUrl },
    s3: {
      secret: aws.secretAccessKey,
      baseUrl: aws.baseUrl,
      accessKeyId: aws.accessKeyId,
      bucket: aws.bucket,
      prefix: demoTeam.slug,
      region: 'us-east-1',
      traffic: 'yes',
    },
    runpod: { secret: runpod.apiKey, baseUrl: runpod.baseUrl, proxy: runpod.proxyUrl },
  }
  const held = await ask<{ id: string; service: string; address: string | null; live: boolean }>(
    `select id, service, base_url as address, destroyed_at is null as live
      from keymint.master_keys where team_id = $1`,
    [teamId],
  )
  for (const [service, credential] of Object.entries(credentials)) {
    const [first] = held.filter((one) => one.service === service)
    const moved = first?.live && first.address !== (credential.baseUrl ?? null)
    if (first && !moved) continue
    const form: Record<string, string> = first
      ? { intent: 'replace', id: first.id }
      : { intent: 'deposit', service }
    await (await as(demoTeam.owner)).post(`/t/${demoTeam.slug}/vault`, { ...form, ...credential })
  }
}

async function makeKeys(teamId: string, as: As, ask: Ask): Promise<void> {
  const known = await ask<{ purpose: string }>(
    'select purpose from keymint.api_keys where team_id = $1',
    [teamId],
  )
  for (const { service, purpose, cap, reset } of keys) {
    if (known.some((one) => one.purpose === purpose)) continue
    const [credential] = await ask<{ id: string }>(
      `select id from keymint.master_keys
        where team_id = $1 and service = $2 and destroyed_at is null and state = 'active'`,
      [teamId, service],
    )
    if (!credential) continue
    const wish = { masterKey: credential.id, purpose, cap, reset, life: '30d' }
    const form = { intent: 'provision', project: 'churn', formId: randomUUID(), ...wish }
    await (await as(demoTeam.member)).post(`/t/${demoTeam.slug}/store`, form)
  }
}

/** Some use of each key that was not used yet, as its holder would; a machine costs by itself. */
async function useKeys(world: World, teamId: string, ask: Ask): Promise<void> {
  const until = Date.now() + readyWithinMs
  for (;;) {
    const made = await ask<{ id: string; service: string; hash: string | null; over: boolean }>(
      `select a.id, a.service, k.hash, a.state in ('ended', 'refused') as over
        from keymint.api_keys a left join keymint.keys k on k.holder_id = a.id
        where a.team_id = $1 and a.purpose = any($2)`,
      [teamId, keys.map(({ purpose }) => purpose)],
    )
    if (made.every(({ hash, over }) => hash !== null || over)) {
      for (const key of made) if (key.hash && !key.over) await useKey(world, key.service, key)
      return
    }
    if (Date.now() > until) throw new Error('A key was not made in time; the worker goes on.')
    await sleep(250)
  }
}

async function useKey(
  { openrouter, litellm, aws }: World,
  service: string,
  { id, hash }: { id: string; hash: string | null },
): Promise<void> {
  if (service === 'openrouter') await spendOnce(openrouter.baseUrl, hash, 3.4)
  if (service === 'litellm') await spendOnce(litellm.baseUrl, hash, 1.15)
  if (service !== 's3') return
  const key = `${demoTeam.slug}/${id}/events.parquet`
  const { objects } = await sim<{ objects: { key: string }[] }>(aws.baseUrl, 'objects')
  if (objects.some((one) => one.key === key)) return
  await sim(aws.baseUrl, 'traffic', { key, metric: 'BytesDownloaded', value: 24e9 })
  await sim(aws.baseUrl, 'objects', { key, size: 2e12 })
}

type SimKey = { hash?: string; token?: string; usage?: number; spend?: number }

async function spendOnce(address: string, hash: string | null, usd: number): Promise<void> {
  const { keys: all } = await sim<{ keys: SimKey[] }>(address, 'keys')
  const key = all.find((one) => (one.hash ?? one.token) === hash)
  if (key && (key.usage ?? key.spend ?? 0) === 0) await sim(address, 'spend', { hash, usd })
}

async function sim<Answer>(address: string, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(new URL(`/__sim/${path}`, address), {
    ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`${path} of a stand-in was answered with ${answer.status}.`)
  return (await answer.json()) as Answer
}

/** docs/rotation.md, command by command, on a deployment that people use. */
import path from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect } from 'vitest'
import { githubPeople, googlePeople } from '../../simulators/identity/people'
import { readBackup } from '~/adapters/backup-file.server'
import { blocksOf } from './machine'
import { slug, type Operator } from './operator'

const page = 'docs/rotation.md'
const logins = githubPeople
  .filter(({ note }) => !note)
  .slice(0, 3)
  .map(({ login }) => login)
const [holder = '', other = '', banned = ''] = logins
const ofGoogle = googlePeople.find(({ note }) => !note)!.email
/** In the order of the page; what is left of it at the end was not tried. */
const left = new Set(blocksOf(page))

async function follow(operator: Operator, name: string, more: Record<string, string> = {}) {
  left.delete(name)
  return operator.follow(page, name, more)
}

const metricsStatus = async (operator: Operator, token = '') =>
  (
    await fetch(`${operator.origin}/metrics`, {
      headers: { authorization: `Bearer ${token}` },
    })
  ).status

/** The number of signatures of a test alert that was just sent. */
async function signatures(operator: Operator): Promise<number> {
  const admin = await operator.signIn('admin')
  const before = operator.receiver.received.length
  await admin.post('/admin/alerts', {
    intent: 'test',
    channel: 'webhook',
    address: 'deployment',
    id: '',
  })
  const sent = () =>
    operator.receiver.received.slice(before).find(({ json }) => json.event === 'test')
  await expect.poll(sent, { timeout: 60_000 }).toBeDefined()
  const header = String(sent()?.headers['keymint-signature'])
  return header.split(',').filter((part) => part.startsWith('v1=')).length
}

async function canRead(file: string, identity: string): Promise<boolean> {
  try {
    for await (const _chunk of readBackup(file, [identity]));
    return true
  } catch {
    return false
  }
}

/** After one more try. */
const claimsOf = async (operator: Operator, login: string) => {
  const person = await operator.signIn(login)
  await person.post(`/w/${slug}/claim`)
  const [row] = await operator.query<{ count: number }>(
    `select count(*)::int as count from keymint.workshop_attendance a
       join keymint.identities i using (user_id) where i.login = '${login}'`,
  )
  return row?.count
}

/** Every block of the page, and after each what must still hold. */
export async function rotateEverySecret(operator: Operator): Promise<void> {
  const [first, second, , admin] = await Promise.all(
    [...logins, 'admin'].map((login) => operator.signIn(login)),
  )
  const key = await operator.getKey(first!)
  const [{ userId } = { userId: '' }] = await operator.query<{ userId: string }>(
    `select user_id as "userId" from keymint.identities where login = '${banned}'`,
  )
  const ban = { intent: 'ban', person: userId, reason: 'A bot.' }
  await admin!.post('/admin/ban', ban)
  // Erased: only a fingerprint is left of the ban, which ended the session.
  const returning = await operator.signIn(banned)
  expect((await returning.post('/me', { intent: 'erase', confirm: 'delete' })).location).toContain(
    'erased',
  )
  const before = operator.env()

  await follow(operator, 'compose')
  await follow(operator, 'start')
  const [plainBackup] = operator.backups()
  await follow(operator, 'session')
  expect((await first!.get('/me')).status).toBe(200)
  await follow(operator, 'session-later')
  // Signed by the old one alone.
  expect((await second!.get('/me')).status).toBe(303)

  await follow(operator, 'fingerprint')
  const rotated = await follow(operator, 'encryption')
  expect(rotated).toMatch(/holds? (?:and|or) grants? stay as they are/)
  expect(rotated).toContain('Nothing left on any key but')
  const sealed = await operator.query<{ sealed: string }>(
    'select sealed from keymint.keys where sealed is not null',
  )
  await follow(operator, 'encryption-later')
  expect(new Set(sealed.map((row) => row.sealed.split('.')[1])).size).toBe(1)
  expect(await operator.showKey(await operator.signIn(holder))).toBe(key)
  expect(await operator.works(key)).toBe(true)
  await follow(operator, 'fingerprint-leaked')
  expect(operator.env().FINGERPRINT_KEY).toContain(before.ENCRYPTION_KEY)

  await follow(operator, 'roster')
  await follow(operator, 'roster-later')

  const { managementKey } = await operator.sim<{ managementKey: string }>('POST', 'management-key')
  await follow(operator, 'management-key', { NEW_KEY: managementKey })
  await operator.sim('DELETE', 'management-key')
  expect(await operator.works(before.OPENROUTER_MANAGEMENT_KEY!)).toBe(false)

  for (const provider of ['github', 'google'] as const) {
    const { secrets, clientSecret } = operator.identity[provider]
    const secret = `a-new-secret-of-${provider}`
    secrets.add(secret)
    await follow(operator, provider, { NEW_SECRET: secret })
    secrets.delete(clientSecret)
  }
  await operator.signIn(ofGoogle)

  await follow(operator, 'metrics')
  expect([
    await metricsStatus(operator, before.METRICS_TOKEN),
    await metricsStatus(operator, operator.env().METRICS_TOKEN),
  ]).toEqual([401, 200])

  await follow(operator, 'webhook')
  expect(await signatures(operator)).toBe(2)
  await follow(operator, 'webhook-later')
  expect(await signatures(operator)).toBe(1)

  const identity = await generateX25519Identity()
  operator.makeAgeKeygen(identity, await identityToRecipient(identity))
  await follow(operator, 'recipient')
  const encrypted = operator.backups().find((name) => name.endsWith('.age'))
  expect(await canRead(path.join(operator.volume, encrypted!), identity)).toBe(true)
  expect(
    await canRead(path.join(operator.volume, encrypted!), await generateX25519Identity()),
  ).toBe(false)
  expect(operator.backups()).toContain(plainBackup)

  await follow(operator, 'password')
  expect(operator.env().POSTGRES_PASSWORD).not.toBe(before.POSTGRES_PASSWORD)
  expect(await follow(operator, 'end')).toMatch(/^Ready/m)

  // With every new secret: a key for somebody new, the old one for its owner, none for who is banned.
  const afterwards = await operator.signIn(holder)
  expect(await operator.showKey(afterwards)).toBe(key)
  expect(await operator.works(await operator.getKey(await operator.signIn(other)))).toBe(true)
  expect(await claimsOf(operator, banned)).toBe(0)
  const after = operator.env()
  for (const [name, value] of Object.entries(before))
    if (/(SECRET|KEY|TOKEN|PASSWORD)$/.test(name) && name !== 'FINGERPRINT_KEY')
      expect([name, after[name]?.includes(value)]).toEqual([name, false])

  left.delete('fly')
  expect([...left], 'every block of the page was run').toEqual([])
}

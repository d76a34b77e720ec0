/**
 * A newcomer's trial: an empty folder, the image by the Dockerfile's own lines, a PostgreSQL of its
 * own, and the commands of the guides, from nothing to the first key; then a backup, the loss of the
 * database, a restore, the rotation of every secret and an upgrade. `npm run proofs -- trial`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type Postgres } from '../../simulators/postgres/server'
import { githubPeople } from '../../simulators/identity/people'
import { buildEnvironment, buildImage } from '../image/dockerfile'
import { openOperator, type Operator } from './operator'
import { rotateEverySecret } from './rotate'

/** Of a process, in MiB: half of the smallest machine that the guide names. */
const maxMemory = 256
const deploy = 'docs/deploy.md'
const folder = mkdtempSync(path.join(tmpdir(), 'keymint-trial-'))
const [early = '', late = ''] = githubPeople
  .filter(({ note }) => !note)
  .slice(10, 12)
  .map(({ login }) => login)

let postgres: Postgres
let operator: Operator
let key = ''

beforeAll(async () => {
  const image = buildImage(process.cwd(), folder, buildEnvironment(folder))
  postgres = await startPostgres()
  operator = await openOperator({
    image: path.join(image.root, image.workdir),
    adminUrl: postgres.adminUrl,
    imageEnvironment: image.env,
  })
}, 900_000)

afterAll(async () => {
  await operator[Symbol.asyncDispose]()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}, 120_000)

test('from an empty folder to the first key, by the commands of the guide', async () => {
  await operator.follow(deploy, 'first-run')
  operator.fillIn()
  await operator.follow(deploy, 'up')
  expect(await operator.follow(deploy, 'turn-on')).toMatch(/^Ready/m)
  key = await operator.getKey(await operator.signIn(early))
  expect(await operator.works(key)).toBe(true)
}, 300_000)

test('the database is lost, and the backup brings everybody back', async () => {
  await operator.follow(deploy, 'compose-backup')
  const lost = await operator.getKey(await operator.signIn(late))
  const output = await operator.follow(deploy, 'compose-restore')
  expect(output).toMatch(/Restored [\d,]+ rows/)
  expect(output).toMatch(/The installation id is now [0-9a-f]{12}/)
  expect(await operator.showKey(await operator.signIn(early))).toBe(key)
  // Made after the backup: named, left alone, and its owner may claim again.
  expect(await operator.works(lost)).toBe(true)
  expect(await operator.getKey(await operator.signIn(late))).not.toBe(lost)
}, 300_000)

test('every secret is rotated by the commands of its page, and nobody loses key or ban', async () => {
  await rotateEverySecret(operator)
}, 900_000)

test('an upgrade, by the commands of its page', async () => {
  await operator.follow('docs/upgrading.md', 'compose')
  expect(await operator.showKey(await operator.signIn(early))).toBe(key)
}, 300_000)

test(`web and worker went through all of it with at most ${maxMemory} MiB each`, () => {
  const peaks = operator.peaks()
  const lines = Object.entries(peaks).map(([name, most]) => `${name} ${most.toFixed(0)} MiB`)
  process.stderr.write(`VmHWM at most: ${lines.join(', ')}\n`)
  expect(Object.keys(peaks).sort()).toEqual(['web', 'worker'])
  for (const [name, most] of Object.entries(peaks)) expect(most, name).toBeLessThan(maxMemory)
})

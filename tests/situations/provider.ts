/**
 * Situations of an event, each built in a real database, with the headline that every page that
 * judges has to lead with. A headline changes here first. Here: provider, money, files.
 */
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { askForCheck, runCheck } from '~/domain/keys/reconcile-runs.server'
import { seedClaims } from '../seed-claims'
import { usd } from '../world'
import {
  backups,
  claimFor,
  coolDown,
  credits,
  failedAttempts,
  inDays,
  mintAll,
  pauseJobs,
  refuse,
  slug,
  wait,
  type Situation,
} from './steps'

export const situationsOfTheProvider: Situation[] = [
  {
    name: 'no credit, and two wait',
    build: async (world) => {
      await claimFor(world, 2)
      await wait(world, 100)
      await coolDown(world, 'no-credit', 402)
    },
    says: {
      overview:
        'DuckDB: 0 of 2 have a key. 2 wait, longest 100 s: the provider account has no credit.',
      workshop: '0 of 2 have a key. 2 wait, longest 100 s: the provider account has no credit.',
      queue:
        'The provider says the account has no credit (402). ' +
        'Key creation is cooling down for another 30 s, then tries one key.',
      readiness: ['Key creation: failed', 'Keys and claims: failed'],
      metrics: ['cooling-down error 1', 'waiting error 1'],
    },
  },
  {
    name: 'the queue that creates keys is paused, and two wait',
    build: async (world) => {
      await claimFor(world, 2)
      await wait(world, 100)
      await pauseJobs(world, 'mint-key')
    },
    says: {
      overview:
        'DuckDB: 0 of 2 have a key. 2 wait, longest 100 s: the queue that creates keys is paused.',
      workshop: '0 of 2 have a key. 2 wait, longest 100 s: the queue that creates keys is paused.',
      queue: 'The queue “Create a key” is paused by github:staff: Back at two.',
      readiness: ['Key creation: failed', 'Keys and claims: failed'],
      metrics: ['queue-paused warning 1', 'waiting error 1'],
    },
  },
  {
    name: 'the queue that ends keys is paused while everybody has a key',
    build: async (world) => {
      await seedClaims(world, slug, 12)
      await pauseJobs(world, 'apply-key')
    },
    says: {
      overview:
        'The queue “Apply changes to a key” is paused by github:staff: Back at two. ' +
        'Keys keep limits and ends that are out of date.',
      workshop:
        'The queue “Apply changes to a key” is paused by github:staff: Back at two. ' +
        'Keys keep limits and ends that are out of date.',
      queue:
        'The queue “Apply changes to a key” is paused by github:staff: Back at two. ' +
        'Keys keep limits and ends that are out of date.',
      readiness: ['Key creation: failed'],
      metrics: ['queue-paused error 1'],
    },
  },
  {
    name: 'calls failed ten minutes ago, and everybody has a key',
    build: async (world) => {
      await seedClaims(world, slug, 12)
      await failedAttempts(world, 74, 10)
    },
    says: { overview: 'DuckDB is open: 12 of 12 have a key.' },
  },
  {
    name: 'calls failed a minute ago and were made good',
    build: async (world) => {
      await seedClaims(world, slug, 12)
      await failedAttempts(world, 30, 1)
    },
    says: { overview: 'DuckDB is open: 12 of 12 have a key.' },
  },
  {
    name: 'most calls fail now',
    build: async (world) => {
      await claimFor(world, 1)
      await failedAttempts(world, 20, 1)
    },
    says: {
      overview:
        '20 of 20 calls that create keys failed in the last 3 minutes and are not made good yet.',
      workshop:
        '20 of 20 calls that create keys failed in the last 3 minutes and are not made good yet.',
      queue:
        '20 of 20 calls that create keys failed in the last 3 minutes and are not made good yet.',
      readiness: ['Key creation: failed'],
      metrics: ['calls-failing error 1'],
    },
  },
  {
    name: 'the credit is less than keys may spend',
    build: async (world) => {
      await claimFor(world, 2)
      await mintAll(world)
      await credits(world, 1)
    },
    says: {
      overview: 'The account has $1.00 left, less than keys given out may spend.',
      workshop: 'The account has $1.00 left, less than keys given out may spend.',
      readiness: ['Credit: failed'],
      metrics: ['credits-low error 1'],
    },
  },
  {
    name: 'the credit is less than half of what open seats could spend',
    build: (world) => credits(world, 5),
    says: {
      overview: 'The account has $5.00 left, less than half of what all open seats could spend.',
      workshop: 'The account has $5.00 left, less than half of what all open seats could spend.',
      readiness: ['Credit: failed'],
      metrics: ['credits-low error 1'],
    },
  },
  {
    name: 'the credit is less than open seats could spend',
    build: (world) => credits(world, 8_000),
    says: {
      overview: 'The account has $8,000.00 left, less than all open seats could spend.',
      workshop: 'The account has $8,000.00 left, less than all open seats could spend.',
      readiness: ['Credit: warning'],
      metrics: ['credits-low warning 1'],
    },
  },
  {
    name: 'no credit is left before anybody claims',
    build: (world) => credits(world, 0),
    says: {
      overview: 'The account has no credit left.',
      workshop: 'The account has no credit left.',
      readiness: ['Credit: failed'],
      metrics: ['credits-low error 1'],
    },
  },
  {
    name: 'a difference with the provider is open',
    build: async (world) => {
      const [claim] = await seedClaims(world, slug, 1)
      await world.ctx.provider.updateKey(claim!.hash, { disabled: true })
      await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
    },
    says: {
      overview: '1 difference with the provider needs a decision.',
      workshop: '1 difference with the provider needs a decision.',
      readiness: ['Keys and claims: warning'],
      metrics: ['drift warning 1'],
    },
  },
  {
    name: 'the provider account is parked, and two wait',
    build: async (world) => {
      await claimFor(world, 2)
      await wait(world, 30)
      await world.db.$executeRaw`
        update keymint.accounts set parked_at = now(), parked_reason = 'most-keys-absent'`
    },
    says: {
      overview: 'DuckDB: 0 of 2 have a key. 2 wait, longest 30 s: the provider account is parked.',
      workshop: '0 of 2 have a key. 2 wait, longest 30 s: the provider account is parked.',
      queue: 'The provider account is parked: most of its keys are missing.',
      readiness: ['Key creation: failed', 'Keys and claims: failed'],
      metrics: ['account-parked error 1', 'waiting error 1'],
    },
  },
  {
    name: 'a workshop of next year',
    workshop: { claimsOpenAt: inDays(365), claimsCloseAt: inDays(366), keyExpiresAt: inDays(367) },
    build: async () => undefined,
    says: { overview: 'No workshop is open.' },
  },
  {
    name: 'ended by staff, with a refused claim',
    build: async (world) => {
      await refuse(world, 1)
      await endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'It is over.' })
      await world.db.$executeRaw`delete from pgboss.job`
    },
    says: { overview: 'No workshop is open.' },
  },
  {
    name: 'the file is broken',
    build: async (world) => {
      world.ctx.workshops.workshops.delete(slug)
      world.ctx.workshops.broken.add(slug)
    },
    says: {
      overview:
        'test-workshop: The workshop file has an error, so nobody can claim. ' +
        'Keys given out keep working.',
      workshop: 'The workshop file has an error, so nobody can claim. Keys given out keep working.',
      metrics: ['file-broken error 1', 'files-broken error 1'],
    },
  },
  {
    name: 'the file is gone, and keys are out',
    build: async (world) => {
      await seedClaims(world, slug, 1)
      world.ctx.workshops.workshops.delete(slug)
    },
    says: {
      overview:
        'test-workshop: The workshop file no longer exists, so the workshop is closed. ' +
        'Keys given out keep working.',
      workshop:
        'The workshop file no longer exists, so the workshop is closed. Keys given out keep working.',
      readiness: ['Keys and claims: warning'],
      metrics: ['file-gone warning 1'],
    },
  },
  {
    name: '80 % of the pool is committed',
    workshop: { poolLimit: usd(5) },
    build: (world) => seedClaims(world, slug, 2),
    says: {
      overview: 'DuckDB: 80 % of the pool is committed.',
      workshop: 'DuckDB: 80 % of the pool is committed.',
      readiness: ['Keys and claims: warning'],
      metrics: ['pool-80 warning 1'],
    },
  },
  {
    name: 'the pool was lowered below what is committed',
    workshop: { poolLimit: usd(3) },
    build: (world) => seedClaims(world, slug, 2),
    says: {
      overview: 'DuckDB is $1.00 over its pool.',
      workshop: 'DuckDB is $1.00 over its pool.',
      readiness: ['Keys and claims: failed'],
      metrics: ['pool-passed error 1'],
    },
  },
  {
    name: 'the provider has lost a key',
    build: async (world) => {
      await seedClaims(world, slug, 2)
      await world.db.$executeRaw`update keymint.keys set missing_at = now()
        where id = (select id from keymint.keys limit 1)`
    },
    says: {
      overview: 'DuckDB: The provider no longer has 1 key of ready claims.',
      workshop: 'The provider no longer has 1 key of ready claims.',
      readiness: ['Keys and claims: failed'],
      metrics: ['missing error 1'],
    },
  },
  {
    name: 'key creation is disabled, and the workshop is open',
    provisioningEnabled: false,
    build: async () => undefined,
    says: {
      overview: 'Key creation is disabled by PROVISIONING_ENABLED.',
      workshop: 'Key creation is disabled by PROVISIONING_ENABLED.',
      queue: 'Key creation is disabled by PROVISIONING_ENABLED.',
      readiness: ['Key creation: failed'],
      metrics: ['switched-off error 1'],
    },
  },
  {
    name: 'the nightly backup failed',
    build: (world) => backups(world, 25, 'The folder /backups is missing.'),
    says: {
      overview:
        'The nightly backup failed: The folder /backups is missing. The newest one is 25 hours old.',
      queue:
        'The nightly backup failed: The folder /backups is missing. The newest one is 25 hours old.',
      metrics: ['backup-failed warning 1'],
    },
  },
  {
    name: 'no backup for longer than a night',
    build: (world) => backups(world, 27),
    says: {
      overview: 'The newest backup is 27 hours old, though one is due every night.',
      queue: 'The newest backup is 27 hours old, though one is due every night.',
      metrics: ['backup-late warning 1'],
    },
  },
  {
    name: 'the backup of the night was made',
    build: (world) => backups(world, 25),
    says: { overview: 'DuckDB is open. Nobody has claimed yet.' },
  },
  {
    name: 'workers cannot keep up',
    build: async (world) => {
      await claimFor(world, 1)
      await world.db.$executeRaw`
        update pgboss.job set start_after = now() - interval '3 min' where name = 'mint-key'`
    },
    says: {
      overview: 'A due job has waited for 3 min: the workers cannot keep up.',
      workshop: 'A due job has waited for 3 min: the workers cannot keep up.',
      queue: 'A due job has waited for 3 min: the workers cannot keep up.',
      readiness: ['Workers: failed'],
      metrics: ['workers-behind error 1'],
    },
  },
]

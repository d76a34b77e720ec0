/**
 * Situations of an event, each built in a real database, with the headline that every page that
 * judges has to lead with. A headline changes here first. Here: what people meet.
 */
import { seedClaims } from '../seed-claims'
import {
  claimFor,
  coolDown,
  mintAll,
  pause,
  refuse,
  slug,
  stopped,
  wait,
  type Situation,
} from './steps'

export const situationsOfPeople: Situation[] = [
  {
    name: 'nobody has claimed',
    build: async () => undefined,
    says: { overview: 'DuckDB is open. Nobody has claimed yet.' },
  },
  {
    name: 'everybody has a key',
    build: (world) => seedClaims(world, slug, 3),
    says: { overview: 'DuckDB is open: 3 of 3 have a key.' },
  },
  {
    name: 'keys were made a moment ago and are not assigned yet',
    build: async (world) => {
      await claimFor(world, 3)
      await mintAll(world)
    },
    says: { overview: 'DuckDB is open: 3 of 3 have a key.' },
  },
  {
    name: 'all keys are unbound',
    build: async (world) => {
      await claimFor(world, 3)
      await mintAll(world)
      await world.db.$executeRaw`update keymint.keys set bind_error = 'The provider answered 500.'`
    },
    says: {
      overview:
        'DuckDB: All 3 keys are unbound, so any model is allowed: The provider answered 500.',
      workshop: 'All 3 keys are unbound, so any model is allowed: The provider answered 500.',
      readiness: ['Keys and claims: failed'],
      metrics: ['unbound error 1'],
    },
  },
  {
    name: 'one key of four is unbound',
    build: async (world) => {
      await seedClaims(world, slug, 3)
      await claimFor(world, 1)
      await mintAll(world)
      await world.db.$executeRaw`update keymint.keys set bind_error = 'The provider answered 500.'
        where guardrail_at is null`
    },
    says: {
      overview:
        'DuckDB: 1 of 4 keys are unbound, so any model is allowed: The provider answered 500.',
      workshop: '1 of 4 keys are unbound, so any model is allowed: The provider answered 500.',
      readiness: ['Keys and claims: warning'],
      metrics: ['unbound warning 1'],
    },
  },
  {
    name: 'some claims were refused',
    build: async (world) => {
      await seedClaims(world, slug, 4)
      await refuse(world, 2)
    },
    says: {
      overview: 'DuckDB: 2 of 6 claims were refused: the provider said “no such model”.',
      workshop: '2 of 6 claims were refused: the provider said “no such model”.',
      readiness: ['Keys and claims: warning'],
      metrics: ['refused warning 1'],
    },
  },
  {
    name: 'all claims were refused',
    build: (world) => refuse(world, 3),
    says: {
      overview: 'DuckDB: 3 of 3 claims were refused: the provider said “no such model”.',
      workshop: '3 of 3 claims were refused: the provider said “no such model”.',
      readiness: ['Keys and claims: failed'],
      metrics: ['refused error 1'],
    },
  },
  {
    name: 'full, and nobody was turned away',
    workshop: { maxKeys: 2 },
    build: async (world) => {
      await claimFor(world, 2)
      await mintAll(world)
    },
    says: { overview: 'DuckDB is open: 2 of 2 have a key.' },
  },
  {
    name: 'full, and ten were turned away',
    workshop: { maxKeys: 2 },
    build: async (world) => {
      await claimFor(world, 12)
      await mintAll(world)
    },
    says: {
      overview:
        'DuckDB: 10 tries to claim were turned away in the last 30 minutes: the workshop was full.',
      workshop: '10 tries to claim were turned away in the last 30 minutes: the workshop was full.',
      readiness: ['Keys and claims: warning'],
      metrics: ['turned-away warning 1'],
    },
  },
  {
    name: 'people who may not claim were turned away',
    workshop: { providers: ['google'] },
    build: (world) => claimFor(world, 3),
    says: { overview: 'DuckDB is open. Nobody has claimed yet.' },
  },
  {
    name: 'paused, and nobody waits',
    build: async (world) => {
      await seedClaims(world, slug, 1)
      await pause(world)
    },
    says: {
      overview: stopped,
      workshop: stopped,
      queue: stopped,
      readiness: ['Key creation: failed'],
      metrics: ['paused warning 1'],
    },
  },
  {
    name: 'paused, and two wait',
    build: async (world) => {
      await claimFor(world, 2)
      await wait(world, 30)
      await pause(world)
    },
    says: {
      overview: 'DuckDB: 0 of 2 have a key. 2 wait, longest 30 s: key creation is paused.',
      workshop: '0 of 2 have a key. 2 wait, longest 30 s: key creation is paused.',
      queue: stopped,
      readiness: ['Key creation: failed', 'Keys and claims: warning'],
      metrics: ['paused warning 1', 'waiting warning 1'],
    },
  },
  {
    name: 'no worker has ever reported',
    workers: 'none',
    build: async () => undefined,
    says: {
      overview: 'No worker has ever reported, so no keys are created.',
      workshop: 'No worker has ever reported, so no keys are created.',
      queue: 'No worker has ever reported, so no keys are created.',
      readiness: ['Workers: failed'],
      metrics: ['no-worker error 1'],
    },
  },
  {
    name: 'no worker for five minutes, and four wait',
    workers: 'none',
    build: async (world) => {
      await world.db.$executeRaw`
        insert into keymint.workers (id, slots, last_seen_at) values ('w', 8, now() - interval '5 min')`
      await claimFor(world, 4)
      await wait(world, 300)
    },
    says: {
      overview: 'DuckDB: 0 of 4 have a key. 4 wait, longest 5 min: no worker is running.',
      workshop: '0 of 4 have a key. 4 wait, longest 5 min: no worker is running.',
      queue: 'No worker has reported for 5 min, so no keys are created.',
      readiness: ['Workers: failed', 'Keys and claims: failed'],
      metrics: ['no-worker error 1', 'waiting error 1'],
    },
  },
  {
    name: 'one of two workers is gone',
    build: (world) => world.db.$executeRaw`
      insert into keymint.workers (id, slots, last_seen_at) values ('gone', 8, now() - interval '5 min')`,
    says: { overview: 'DuckDB is open. Nobody has claimed yet.' },
  },
  {
    name: 'a storm of 429, and fifty wait',
    build: async (world) => {
      await seedClaims(world, slug, 60)
      await claimFor(world, 50)
      await wait(world, 61)
      await coolDown(world, 'rate-limited', 429)
    },
    says: {
      overview:
        'DuckDB: 60 of 110 have a key. 50 wait, longest 61 s: the provider asked us to slow down.',
      workshop: '60 of 110 have a key. 50 wait, longest 61 s: the provider asked us to slow down.',
      queue:
        'The provider asked us to slow down (429). ' +
        'Key creation is cooling down for another 30 s, then tries one key.',
      readiness: ['Key creation: failed', 'Keys and claims: failed'],
      metrics: ['cooling-down error 1', 'waiting error 1'],
    },
  },
]

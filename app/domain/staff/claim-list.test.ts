/**
 * The list of claims: found by every word staff may know, in every order, page by page without a
 * gap.
 */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { openWorld, type World } from '../../../tests/world'
import { countMatching, pageSize, readClaimList } from './claim-list.server'
import { type ClaimListQuery, claimSorts, listQueryString, readListQuery } from './claim-list'

const slug = 'test-workshop'

type Seed = {
  name: string
  email?: string | null
  state?: string
  usage?: number
  off?: boolean
  hash?: string
  label?: string
  minutesAgo?: number
  slug?: string
}

async function seed(world: World, claims: Seed[]) {
  for (const [index, claim] of claims.entries()) {
    const userId = `github:${index}-${randomUUID().slice(0, 8)}`
    const email = claim.email === undefined ? `p${index}@example.org` : claim.email
    await world.db.attendee.create({
      data: {
        userId,
        displayName: claim.name,
        email,
        emailNormalized: email,
        authProvider: 'github',
      },
    })
    const ready = (claim.state ?? 'ready') === 'ready'
    await world.db.$executeRaw`
      insert into keymint.workshop_attendance (user_id, workshop_slug, provider, state, reason, limit_usd,
        expires_at, or_key_hash, key_saved_at, key_label, usage_usd, window_used_usd, upstream_disabled,
        attended_at)
      values (${userId}, ${claim.slug ?? slug}, 'github', ${claim.state ?? 'ready'},
        ${ready || claim.state === 'pending' ? null : 'expired'}, 2, now() + interval '1 day',
        ${ready ? (claim.hash ?? randomUUID()) : null},
        ${ready ? new Date() : null}, ${claim.label ?? null}, ${claim.usage ?? 0}::numeric,
        ${claim.usage ?? 0}::numeric, ${claim.off ?? false},
          now() - make_interval(mins => ${claim.minutesAgo ?? index}::int))`
  }
}

const ask = (url: string): ClaimListQuery => readListQuery(new URL(url, 'http://x').searchParams)
const namesFor = async (world: World, url: string) =>
  (await readClaimList(world.ctx, slug, ask(url))).rows.map((row) => row.displayName)

test('a claim is found by part of a name, email, label, and the beginning of a hash or claim id', async () => {
  await using world = await openWorld()
  await seed(world, [
    { name: 'Émile Zola', email: 'emile@verlag.example' },
    { name: 'Ada Lovelace', hash: 'abcdef0123456789', label: 'sk-or-v1-0e6...1c96' },
    { name: '50% Off_Man' },
    { name: '佐藤 花子' },
    { name: 'Émile Elsewhere', slug: 'another' },
  ])
  for (const text of ['emile', 'ÉMILE', 'zola émile', 'VERLAG'])
    expect(await namesFor(world, `/?text=${encodeURIComponent(text)}`), text).toEqual([
      'Émile Zola',
    ])
  for (const text of ['1c96', 'ABCDEF01', 'lace'])
    expect(await namesFor(world, `/?text=${text}`), text).toEqual(['Ada Lovelace'])
  expect(await namesFor(world, '/?text=%25')).toEqual(['50% Off_Man'])
  expect(await namesFor(world, '/?text=%5C')).toEqual([])
  expect(await namesFor(world, `/?text=${encodeURIComponent('花子')}`)).toEqual(['佐藤 花子'])
  const [ada] = await world.db.workshopAttendance.findMany({
    where: { orKeyHash: 'abcdef0123456789' },
  })
  expect(await namesFor(world, `/?text=${ada!.claimId.slice(0, 8).toUpperCase()}`)).toEqual([
    'Ada Lovelace',
  ])
  expect(await countMatching(world.ctx, slug, { text: 'emile' })).toEqual({
    count: 1,
    atLeast: false,
  })
})

test('states and facts filter, and their counters match the list', async () => {
  await using world = await openWorld()
  await seed(world, [
    { name: 'Ready' },
    { name: 'Spent', usage: 2, off: true },
    { name: 'Waiting', state: 'pending' },
    { name: 'Gone', state: 'ended' },
    { name: 'No', state: 'refused' },
  ])
  const expected = {
    'state=pending': ['Waiting'],
    'state=refused': ['No'],
    'fact=unbound': ['Ready', 'Spent'],
    'fact=disabled': ['Spent'],
    'fact=over-limit': ['Spent'],
    'fact=missing': [],
    'fact=unbound&state=ended': [],
  }
  for (const [query, names] of Object.entries(expected)) {
    const page = await readClaimList(world.ctx, slug, ask(`/?${query}`))
    expect(
      page.rows.map((row) => row.displayName),
      query,
    ).toEqual(names)
    expect(page.matching, query).toEqual({ count: names.length, atLeast: false })
  }
})

test('walking forwards and back meets every claim once, in every order, also for equal values', async () => {
  await using world = await openWorld()
  const total = pageSize * 2 + 7
  await world.db.$executeRaw`
    insert into keymint.attendees (user_id, display_name, auth_provider)
      select 'github:' || n, 'Name ' || (n % 9), 'github' from generate_series(1, ${total}::int) n`
  await world.db.$executeRaw`
    insert into keymint.workshop_attendance (user_id, workshop_slug, provider, limit_usd, expires_at, usage_usd,
      attended_at)
    select 'github:' || n, ${slug}, 'github', 2, now() + interval '1 day', n % 5,
      now() - make_interval(secs => n % 7) from generate_series(1, ${total}::int) n`
  for (const sort of claimSorts) {
    const seen: string[][] = []
    let query: ClaimListQuery = { filter: {}, sort, cursor: null }
    for (;;) {
      const page = await readClaimList(world.ctx, slug, query)
      seen.push(page.rows.map((row) => row.claimId))
      if (page.next === null) break
      query = { ...query, cursor: { direction: 'after', at: page.next } }
    }
    expect(
      seen.map((page) => page.length),
      sort,
    ).toEqual([pageSize, pageSize, 7])
    expect(new Set(seen.flat()).size, sort).toBe(total)
    const last = await readClaimList(world.ctx, slug, query)
    const back = await readClaimList(world.ctx, slug, {
      ...query,
      cursor: { direction: 'before', at: last.previous! },
    })
    expect(
      back.rows.map((row) => row.claimId),
      sort,
    ).toEqual(seen[1])
    const first = await readClaimList(world.ctx, slug, {
      ...query,
      cursor: { direction: 'before', at: back.previous! },
    })
    expect(
      first.rows.map((row) => row.claimId),
      sort,
    ).toEqual(seen[0])
    expect(first.previous, sort).toBeNull()
    expect(first.next, sort).not.toBeNull()
  }
})

test('an invalid cursor shows the first page and no error', async () => {
  await using world = await openWorld()
  await seed(world, [{ name: 'Only' }])
  for (const at of [
    'x',
    '%00',
    Buffer.from('["2020-01-01","x"]').toString('base64url'),
    Buffer.from('[1,2]').toString('base64url'),
    Buffer.from(`["9e99","${randomUUID()}"]`).toString('base64url'),
  ]) {
    for (const sort of claimSorts)
      expect(await namesFor(world, `/?sort=${sort}&after=${at}`), `${sort} ${at}`).toEqual(['Only'])
  }
})

test('a query and its URL say the same', () => {
  for (const url of [
    '',
    '?state=ready',
    '?fact=unbound&text=%C3%A9mile+z&sort=used',
    '?sort=name&after=abc',
    '?before=abc',
  ])
    expect(listQueryString(ask(`/${url}`))).toBe(url)
  expect(ask('/?state=nonsense&fact=x&sort=y')).toEqual({
    filter: {},
    sort: 'newest',
    cursor: null,
  })
})

test('where pg_trgm is missing, search finds the same and says that it reads every row', async () => {
  await using world = await openWorld()
  await seed(world, [{ name: 'Ada Lovelace', label: 'sk-or-v1-0e6...1c96' }])
  expect((await readClaimList(world.ctx, slug, ask('/?text=lovelace'))).searchIndexed).toBe(true)
  await world.db.$executeRawUnsafe('drop extension pg_trgm cascade')
  expect(await namesFor(world, '/?text=lovelace')).toEqual(['Ada Lovelace'])
  expect((await readClaimList(world.ctx, slug, ask('/?text=1c96'))).searchIndexed).toBe(false)
})

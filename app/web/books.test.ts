/** The month of a file: one with books, the present one where none is named, and a 404 for any other. */
import { expect, test } from 'vitest'
import { openTeamWorld } from '../../tests/team'
import { setBudget } from '~/domain/money/budgets.server'
import { usd } from '../../tests/world'
import { daysOfFile, monthOfFile } from './books.server'

test('a file is of a month that has books; another one is a 404 that says so, not this month', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, teamId, ownerId } = world
  const member = { teamId, userId: world.memberIds[0]! }
  const change = { budget: usd(5), effective: 'now', reason: 'a test' } as const
  await setBudget(ctx, member, change, ownerId)
  await world.setClock(new Date('2026-12-02T10:00:00Z'))
  const asked = (query: string) =>
    monthOfFile(
      ctx,
      { ...member, keysOf: null },
      new Request(`http://localhost/t/x/ledger.csv${query}`),
    )
  expect(await asked('')).toBe('2026-12-01')
  expect(await asked('?month=2026-12-01')).toBe('2026-12-01')
  expect(await asked('?month=2026-11-01')).toBe('2026-11-01')
  for (const month of ['', '2026-10-01', '2026-11', '2026-13-01', '2026-11-02', '%00', 'x']) {
    const answer = await asked(`?month=${month}`).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(answer, month).toBeInstanceOf(Response)
    const { status, headers } = answer as Response
    expect([status, headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8'])
    expect(await (answer as Response).text()).toContain('has no books')
  }
})

test('a file of odd days is a 400 with a sentence, one of days has them, and without days a month', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, teamId } = world
  await world.setClock(new Date('2026-11-20T10:00:00Z'))
  const asked = (query: string) =>
    daysOfFile(
      ctx,
      { teamId, userId: null, keysOf: null },
      new Request(`http://localhost/t/x/spending.csv${query}`),
    )
  const range = { from: '2026-11-02', to: '2026-11-05' }
  expect(await asked('?from=2026-11-02&to=2026-11-05')).toEqual({ range })
  expect(await asked('')).toEqual({ month: '2026-11-01' })
  for (const query of ['?from=2026-02-30&to=2026-03-01', '?from[]=2026-11-01', '?to=9999-12-31']) {
    const answer: unknown = await asked(query).catch((thrown: unknown) => thrown)
    expect(answer, query).toBeInstanceOf(Response)
    expect((answer as Response).status).toBe(400)
    expect(await (answer as Response).text()).toMatch(/^[A-Z].*\.\n$/)
  }
})

/** The month of a file: one with books, the present one where none is named, and a 404 for any other. */
import { expect, test } from 'vitest'
import { openTeamWorld } from '../../tests/team'
import { setBudget } from '~/domain/money/budgets.server'
import { usd } from '../../tests/world'
import { monthOfFile } from './books.server'

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

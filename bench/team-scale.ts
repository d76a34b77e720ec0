/**
 * What the pages of a team cost with 20 members, 100 live keys, a million readings in the month and
 * 200,000 ended keys, against what they cost with 10,000 readings and 200 ended keys. Prints the
 * median of each page's reads in both and the ratio; asserts nothing.
 */
import { readCeilingView } from '~/domain/team/team-ceiling.server'
import type { Ctx } from '~/domain/ctx'
import { monthOf } from '~/domain/money/month'
import { listTeamAudit } from '~/domain/team/audit-view.server'
import { readBeginning } from '~/domain/team/beginning.server'
import { exportSpending, listPostings } from '~/domain/team/books.server'
import { readForecasts } from '~/domain/team/forecasts.server'
import { listMonths, readMonth } from '~/domain/team/months.server'
import { readRange } from '~/domain/team/range.server'
import { listOpenInvitations } from '~/domain/team/open-invitations.server'
import { readSpending } from '~/domain/team/spending.server'
import {
  findLastUse,
  findSubKey,
  listKeyHolders,
  listKeyPage,
  listSubKeys,
} from '~/domain/team/sub-key-view.server'
import {
  findLastRequest,
  listMembers,
  listMasterKeyChoices,
  listMemberTotals,
  listOpenRequests,
  readBudgetView,
} from '~/domain/team/team-view.server'
import { isLastOwner } from '~/domain/team/team.server'
import { listMasterKeys } from '~/domain/vault/vault.server'
import { migrate } from '../prisma/migrate'
import { startPostgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { MemoryService } from '../tests/memory-service'
import { openTeam } from '../tests/team'
import { openWorld, type World } from '../tests/world'
import { printRatios, type Page } from './ratio'
import { seedTeam, type TeamSize } from './team-seed'

const members = 20
const small: TeamSize = { liveKeys: 100, readings: 10_000, endedKeys: 200 }
const large: TeamSize = { liveKeys: 100, readings: 1_000_000, endedKeys: 200_000 }

type Subject = {
  ctx: Ctx
  teamId: string
  slug: string
  ownerId: string
  memberId: string
  keyId: string
}
const books = ({ teamId }: Subject) => ({ teamId, userId: null, keysOf: null })

/** A page is a line: the same reads that its route makes. */
const pages: Page<Subject>[] = [
  {
    name: 'dashboard, an owner',
    load: (on) =>
      Promise.all([
        readBudgetView(on.ctx, { teamId: on.teamId, userId: on.ownerId }),
        readBeginning(on.ctx, on.teamId),
        listMemberTotals(on.ctx, on.teamId),
        readSpending(on.ctx, { teamId: on.teamId, userId: null }),
        readForecasts(on.ctx, { teamId: on.teamId, userId: null }),
        listMasterKeys(on.ctx, on.teamId),
        isLastOwner(on.ctx.db, { teamId: on.teamId, userId: on.ownerId }),
      ]),
  },
  {
    name: 'dashboard, a member',
    load: (on) => {
      const own = { teamId: on.teamId, userId: on.memberId }
      return Promise.all([
        readBudgetView(on.ctx, own),
        readSpending(on.ctx, own),
        readForecasts(on.ctx, own),
      ])
    },
  },
  {
    name: 'spending',
    load: async (on) => {
      await listMonths(on.ctx, books(on))
      const month = monthOf(on.ctx.now())
      const days = { from: month, to: on.ctx.now().toISOString().slice(0, 10) }
      return Promise.all([
        readMonth(on.ctx, books(on), month),
        readRange(on.ctx, books(on), days, 'service'),
      ])
    },
  },
  {
    name: 'spending of a year',
    load: (on) => {
      const day = (ago: number) =>
        new Date(on.ctx.now().getTime() - ago * 86_400_000).toISOString().slice(0, 10)
      return readRange(on.ctx, books(on), { from: day(365), to: day(0) }, 'key')
    },
  },
  {
    name: 'spending.csv',
    load: async (on) => {
      const input = { ...books(on), slug: on.slug, actorUserId: on.ownerId }
      let rows = 0
      for await (const cells of exportSpending(on.ctx, { ...input, month: monthOf(on.ctx.now()) }))
        rows += cells.length
      return rows
    },
  },
  {
    name: 'ledger',
    load: async (on) => {
      await listMonths(on.ctx, books(on))
      return listPostings(on.ctx, books(on), monthOf(on.ctx.now()), null)
    },
  },
  {
    name: 'budgets',
    load: (on) => Promise.all([listMembers(on.ctx, on.teamId), readCeilingView(on.ctx, on.teamId)]),
  },
  {
    name: 'members',
    load: (on) =>
      Promise.all([
        listMembers(on.ctx, on.teamId),
        listOpenRequests(on.ctx, on.teamId),
        listOpenInvitations(on.ctx, on.teamId),
      ]),
  },
  {
    name: 'one member',
    load: (on) =>
      Promise.all([
        listMembers(on.ctx, on.teamId),
        readBudgetView(on.ctx, { teamId: on.teamId, userId: on.memberId }),
        listKeyPage(on.ctx, { teamId: on.teamId, userId: on.memberId }, 1),
      ]),
  },
  {
    name: 'keys, an owner',
    load: (on) =>
      Promise.all([
        listKeyPage(on.ctx, { teamId: on.teamId }, 1),
        listKeyHolders(on.ctx, on.teamId),
      ]),
  },
  {
    name: 'keys, a member',
    load: (on) => listKeyPage(on.ctx, { teamId: on.teamId, userId: on.memberId }, 1),
  },
  {
    name: 'one key',
    load: (on) =>
      Promise.all([
        findSubKey(on.ctx, on.teamId, on.keyId),
        findLastUse(on.ctx, on.keyId),
        listMasterKeys(on.ctx, on.teamId, on.keyId),
      ]),
  },
  {
    name: 'new key',
    load: (on) => {
      const own = { teamId: on.teamId, userId: on.memberId }
      return Promise.all([
        readBudgetView(on.ctx, own),
        listMasterKeyChoices(on.ctx, on.teamId),
        findLastRequest(on.ctx, own),
      ])
    },
  },
  { name: 'vault', load: (on) => listMasterKeys(on.ctx, on.teamId) },
  {
    name: 'audit',
    load: (on) => listTeamAudit(on.ctx, on.slug, { about: null, by: null, before: null }),
  },
]

const postgres = await startPostgres({ durable: true })
try {
  const adminUrl = postgres.adminUrl
  const template = await createTemplate(adminUrl, migrate)
  await using smallWorld = await openWorld({}, { adminUrl, template })
  await using largeWorld = await openWorld({}, { adminUrl, template })
  const subjects: [Subject, Subject] = [
    await open(smallWorld, small),
    await open(largeWorld, large),
  ]
  await printRatios(pages, subjects, ['10,000', '1,000,000'])
} finally {
  await postgres.stop()
}
process.exit(0)

async function open(world: World, size: TeamSize): Promise<Subject> {
  const { ctx } = world
  const service = new MemoryService(() => ctx.now())
  ctx.services = new Map([...ctx.services, [service.service, service]])
  const team = await openTeam(world, { members: members - 1, budget: 500 })
  const masterKeyId = await team.deposit(service.service, { secret: 'sk-bench', baseUrl: null })
  await seedTeam(world, { ...team, masterKeyId }, size)
  const memberId = team.memberIds[0] ?? ''
  const [key] = await listSubKeys(ctx, { teamId: team.teamId, userId: memberId })
  return { ctx, ...team, memberId, keyId: key?.id ?? '' }
}

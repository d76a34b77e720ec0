/**
 * What the pages for staff cost with 200,000 claims and jobs in the database, against what they
 * cost with 1,000. Prints the median of each page's loader in both and the ratio; asserts nothing.
 * Search by text is listed apart.
 */
import { readAuditPage } from '~/domain/audit/read.server'
import { listBulk } from '~/domain/bulk/bulk.server'
import { readReadinessView } from '~/domain/operations/readiness-report.server'
import { jobActions } from '~/domain/staff/queue/bulk-jobs.server'
import { readQueueQuery } from '~/domain/staff/queue/filter'
import {
  readJobPage,
  readQueuePage,
  readQueueThroughput,
} from '~/domain/staff/queue/queue-page.server'
import { readListQuery } from '~/domain/staff/claim-list'
import { findClaimDetail } from '~/domain/staff/claim-detail.server'
import { readClaimList } from '~/domain/staff/claim-list.server'
import { readWorkshopPage } from '~/domain/staff/workshop-page.server'
import { foldCounters, verifyCounters } from '~/domain/operations/counters.server'
import { readActivity } from '~/domain/staff/series.server'
import { readOverview } from '~/domain/staff/overview.server'
import { readReconcileView } from '~/domain/staff/reconcile-page.server'
import { readJudgement } from '~/domain/operations/judgement.server'
import { readReceiptPage } from '~/domain/staff/receipt.server'
import type { Ctx } from '~/domain/ctx'
import { migrate } from '../prisma/migrate'
import { startPostgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { openWorld, type World } from '../tests/world'
import { seedClaims } from './admin-seed'
import { printRatios, type Page as RatioPage } from './ratio'

const few = 1_000
const many = 200_000
const slug = 'test-workshop'

type Subject = { ctx: Ctx; claimId: string; jobId: string; middle: string }
type Page = RatioPage<Subject>

const list = (url: string) => (subject: Subject) =>
  readClaimList(
    subject.ctx,
    slug,
    readListQuery(new URL(url.replace('MIDDLE', subject.middle), 'http://x').searchParams),
  )
const workshop =
  (url: string) =>
  ({ ctx }: Subject) =>
    Promise.all([
      readWorkshopPage(ctx, slug, readListQuery(new URL(url, 'http://x').searchParams)),
      readActivity(ctx, slug, 'hour'),
    ])

const queue =
  (search: string) =>
  ({ ctx }: Subject) => {
    const { filter, span } = readQueueQuery(new URLSearchParams(search), ctx.now())
    return Promise.all([
      readQueuePage(ctx, filter),
      readQueueThroughput(ctx, { span, ...(filter.job ? { job: filter.job } : {}) }),
      listBulk(ctx, { kinds: [...jobActions], limit: 3 }),
    ])
  }

/** A page is a line: the same reads that its route makes. */
const pages: Page[] = [
  {
    name: '/admin',
    load: ({ ctx }) => Promise.all([readOverview(ctx), readActivity(ctx, null, 'hour')]),
  },
  {
    name: '/admin?span=week',
    load: ({ ctx }) => Promise.all([readOverview(ctx), readActivity(ctx, null, 'week')]),
  },
  { name: '/admin/w/:slug', load: workshop('/') },
  { name: '/admin/w/:slug?state=refused', load: workshop('/?state=refused') },
  { name: '/admin/w/:slug?state=ready&sort=used', load: workshop('/?state=ready&sort=used') },
  { name: '/admin/w/:slug?fact=unbound', load: workshop('/?fact=unbound') },
  {
    name: '/admin/w/:slug?fact=disabled&sort=oldest',
    load: workshop('/?fact=disabled&sort=oldest'),
  },
  { name: '/admin/w/:slug?sort=name', load: workshop('/?sort=name') },
  { name: '/admin/w/:slug, a page in the middle', load: list('/?after=MIDDLE') },
  {
    name: '/admin/w/:slug/c/:claim',
    load: ({ ctx, claimId }) => findClaimDetail(ctx, slug, claimId),
  },
  {
    name: '/admin/reconcile',
    load: ({ ctx }) => Promise.all([readReconcileView(ctx), readJudgement(ctx)]),
  },
  { name: '/admin/queue', load: queue('') },
  { name: '/admin/queue?tab=done', load: queue('?tab=done') },
  { name: '/admin/queue?tab=failed&job=mint-key', load: queue('?tab=failed&job=mint-key') },
  { name: '/admin/queue/:job', load: ({ ctx, jobId }) => readJobPage(ctx, jobId) },
  { name: '/admin/audit', load: ({ ctx }) => readAuditPage(ctx, {}) },
  {
    name: '/admin/audit?action=claim.made',
    load: ({ ctx }) => readAuditPage(ctx, { action: 'claim.made' }),
  },
  { name: '/admin/audit?workshop=', load: ({ ctx }) => readAuditPage(ctx, { workshop: slug }) },
  { name: '/admin/doctor', load: ({ ctx }) => readReadinessView(ctx) },
  { name: '/admin/w/:slug/receipt', load: ({ ctx }) => readReceiptPage(ctx, slug) },
]

const searches: Page[] = [
  { name: 'search: one person', load: list('/?text=person+777') },
  { name: 'search: a key label', load: list('/?text=sk-or-v1-2bd') },
  { name: 'search: the start of a hash', load: list('/?text=hash0001'.replace('hash', 'abc')) },
  { name: 'search: a word that everybody has', load: list('/?text=example') },
]

const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using smallWorld = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  await using largeWorld = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  const subjects: [Subject, Subject] = [await seed(smallWorld, few), await seed(largeWorld, many)]
  await printRatios([...pages, ...searches], subjects, [String(few), String(many)])
} finally {
  await postgres.stop()
}
process.exit(0)

async function seed(world: World, claims: number): Promise<Subject> {
  await seedClaims(world.db, { slug, claims })
  while ((await foldCounters(world.ctx)) > 0);
  const differences = await verifyCounters(world.ctx)
  if (differences.length > 0)
    throw new Error(`kept counters are wrong: ${JSON.stringify(differences[0])}`)
  // As autovacuum leaves a database that has been running.
  await world.db.$executeRawUnsafe('vacuum analyze')
  return {
    ctx: world.ctx,
    claimId: await middleClaim(world),
    jobId: await anyJob(world),
    middle: await middleCursor(world),
  }
}

async function middleClaim(world: World): Promise<string> {
  const [row] = await world.db.$queryRaw<{ id: string }[]>`
    select claim_id as id from keymint.workshop_attendance
      order by attended_at offset (select count(*) / 2 from keymint.workshop_attendance) limit 1`
  return row?.id ?? ''
}

async function anyJob(world: World): Promise<string> {
  const [row] = await world.db.$queryRaw<
    { id: string }[]
  >`select id from pgboss.job where name = 'mint-key' order by created_on desc limit 1`
  return row?.id ?? ''
}

/** Where the page in the middle of all begins. */
async function middleCursor(world: World): Promise<string> {
  const [row] = await world.db.$queryRaw<{ at: string; id: string }[]>`
    select attended_at::text as at, claim_id as id from keymint.workshop_attendance
      order by attended_at desc offset (select count(*) / 2 from keymint.workshop_attendance) limit 1`
  return Buffer.from(JSON.stringify([row?.at, row?.id])).toString('base64url')
}

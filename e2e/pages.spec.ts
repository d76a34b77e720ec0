/** What holds for every page: everybody can use it, and none gives a secret away. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContext } from '@playwright/test'
import pg from 'pg'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  revealOverHttp,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'

const looks = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [375, 1280].map((width) => ({ colorScheme, width })),
)

for (const { colorScheme, width } of looks) {
  test(`every page meets WCAG 2.2 AA, ${colorScheme} and ${width} wide`, async ({
    page,
    context,
    signIn,
    faults,
    stage,
    request,
  }) => {
    test.slow()
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 900 })
    const problems: string[] = []
    const check = async (name: string) => {
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze()
      problems.push(
        ...violations.map(
          ({ id, nodes }) =>
            `${name}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        ),
      )
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      if (overflow > 0) problems.push(`${name}: ${overflow} px wider than the screen`)
    }
    const open = async (url: string, name: string) => {
      await page.goto(url)
      await check(name)
    }
    await open('/', 'landing')
    await open('/sign-in', 'sign-in')
    await open('/sign-in?error=access_denied&provider=github', 'sign-in with an error')
    await open('/w/open-room', 'open workshop as a stranger')
    await open('/nothing-here', '404')
    await open('/docs', 'docs')
    await open('/w/small-keys', 'giveaway as a stranger')

    const me = attendee(
      50 + looks.findIndex((look) => look.colorScheme === colorScheme && look.width === width),
    )
    await signIn(me.login)
    await open('/w/open-room', 'open workshop')
    await open('/w/closed-room', 'closed workshop')
    await open('/w/coming-room', 'coming workshop')
    await context.request.post(`${stage.origin}/w/full-room/claim`, {
      form: {},
      headers: { Origin: stage.origin },
    })
    await open('/w/full-room', 'full workshop')
    await open('/w/broken-room', 'broken workshop')
    await open('/w/open-room/claim?refused=no-verified-email', 'refused claim')
    await open('/w/listed-room', 'workshop with a roster')
    await open('/w/listed-room/ask', 'asking the organizer')
    await open('/w/line-room', 'workshop with a waitlist')
    await open('/w/code-room?refused=code-wrong', 'workshop with a code')

    await faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 5_000 }] })
    await claimOverHttp(context, stage.origin, 'second-room')
    await page.goto('/w/second-room/claim')
    await expect(page.getByText('You can close this page')).toBeVisible()
    await check('pending claim')
    await request.delete(stage.openrouter.faultsUrl)
    await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 30_000 })
    await check('ready claim')
    await page.getByRole('button', { name: 'Show key' }).click()
    await expect(page.getByRole('button', { name: 'Hide key' })).toBeVisible()
    await page.getByRole('button', { name: 'Test my key' }).click()
    await expect(page.getByText('Your key works', { exact: true })).toBeVisible()
    await check('shown key')
    // As a form without a script, which answers with a page of its own.
    for (const what of ['reveal', 'test', 'more', 'replace']) {
      await page.goto('/docs')
      await page.evaluate((action) => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action })
        document.body.append(form)
        setTimeout(() => form.submit())
      }, `/w/second-room/claim/${what}`)
      await page.waitForURL(/second-room\/claim/)
      await check(`${what} without a script`)
    }
    await open('/me', 'me')
    await open('/me/setup', 'set up a tool')
    await open('/w/small-keys', 'giveaway')
    await signIn('admin')
    await open('/admin', 'admin')
    await open('/admin/w/second-room', 'claims for staff')
    await open('/admin/w/small-keys/mint', 'a key by hand')
    await open('/admin/w/code-room/access', 'who may come in')
    await open('/w/code-room/code', 'the code')
    await open('/admin/audit', 'audit')
    await open('/admin/doctor', 'doctor')
    expect(problems).toEqual([])
  })
}

test('a page says where one is and who runs it, also in a chat, in a tab and where nothing is', async ({
  page,
}) => {
  await page.goto('/nothing-here')
  await expect(page).toHaveTitle('Page not found · Keymint')
  await page.goto('/w/open-room')
  const meta = (property: string) =>
    page.locator(`meta[property="${property}"]`).getAttribute('content')
  expect(await meta('og:title')).toBe('The open workshop')
  expect(await meta('og:description')).toBe('One key for everyone who walks in.')
  for (const url of [
    (await meta('og:image')) ?? '',
    '/favicon.ico',
    '/apple-touch-icon.png',
    '/robots.txt',
  ])
    expect((await page.request.get(url)).status(), url).toBe(200)
  const footer = page.getByRole('contentinfo')
  await expect(footer).toContainText('Run by Journey hosts')
  await expect(footer.getByRole('link', { name: 'Imprint' })).toHaveAttribute(
    'href',
    'https://example.org/imprint',
  )
  await expect(footer.getByRole('link', { name: 'Privacy' })).toBeVisible()
})

test('no secret is in any page, answer, log, table or file that a browser gets', async ({
  page,
  browser,
  stage,
}) => {
  test.slow()
  const owner = await browser.newContext()
  await signInTo(owner, stage.origin, attendee(60).login)
  await claimOverHttp(owner, stage.origin, 'open-room')
  const own = await revealOverHttp(owner, stage.origin, 'open-room')
  const admin = await browser.newContext()
  await signInTo(admin, stage.origin, 'admin')
  const stranger = await browser.newContext()

  const secrets = [
    ['the management key', stage.secrets.managementKey],
    ['the encryption key', stage.secrets.encryptionKey],
    ['the session secret', stage.secrets.sessionSecret],
    ...(await upstreamKeys(page, stage)).map(({ label, key }) => [`the key ${label}`, key]),
  ].flatMap(([name = '', secret = '']) => disguisesOf(secret).map((text) => ({ name, text })))
  expect(secrets.length).toBeGreaterThan(20)
  const found: string[] = []
  const search = (place: string, text: string) => {
    for (const secret of secrets)
      if (text.includes(secret.text)) found.push(`${secret.name} in ${place}`)
  }
  // The search itself finds what is there.
  search('a seeded text', `x${Buffer.from(`ab${own}c`).toString('base64')}`)
  expect(found.length).toBeGreaterThan(0)
  found.length = 0

  const workshops = [
    'open-room',
    'second-room',
    'full-room',
    'closed-room',
    'broken-room',
    'github-room',
  ]
  const urls = [
    '/',
    '/sign-in',
    '/me',
    '/me/setup',
    '/me/export.json',
    '/setup.mjs',
    '/sign-out',
    '/docs',
    '/nothing-here',
    '/healthz',
    '/readyz',
    '/metrics',
    '/auth/github',
    '/admin',
    '/admin/queue',
    '/admin/queue?tab=done',
    '/admin/queue/schedules',
    '/admin/queue/export?format=json',
    '/admin/reconcile',
    '/admin/alerts',
    '/admin/audit',
    '/admin/audit/export?format=csv',
    '/admin/doctor',
    '/t/new',
    ...workshops.flatMap((slug) => [
      `/w/${slug}`,
      `/w/${slug}/claim`,
      `/w/${slug}/claim/status`,
      `/w/${slug}/claim/view`,
      `/w/${slug}/claim/reveal`,
      `/w/${slug}/claim/test`,
      `/admin/w/${slug}`,
      `/admin/w/${slug}/export.csv`,
      `/admin/w/${slug}/receipt`,
      `/admin/w/${slug}/receipt.csv`,
    ]),
  ]
  for (const [who, context] of [
    ['a stranger', stranger],
    ['the owner', owner],
    ['the admin', admin],
  ] as [string, BrowserContext][]) {
    for (const url of urls.flatMap((one) => [
      one,
      one === '/' ? '/_root.data' : one.replace(/(?=\?|$)/, '.data'),
    ])) {
      const answer = await context.request.get(`${stage.origin}${url}`, { maxRedirects: 0 })
      search(`${url} as ${who}`, `${JSON.stringify(answer.headersArray())} ${await answer.text()}`)
    }
  }
  const reveal = await owner.request.post(`${stage.origin}/w/open-room/claim/reveal`, {
    form: {},
    headers: { Origin: stage.origin },
  })
  expect(await reveal.text()).toContain(own)
  expect(reveal.headers()['cache-control']).toContain('no-store')
  const foreign = await admin.request.post(`${stage.origin}/w/open-room/claim/reveal`, {
    form: {},
    headers: { Origin: stage.origin },
  })
  search('the reveal of somebody else', await foreign.text())

  for (const log of stage.logs) search(`the log ${path.basename(log)}`, readFileSync(log, 'utf8'))
  for (const file of readdirSync('build/web/client', { recursive: true, withFileTypes: true })) {
    if (file.isFile())
      search(
        `build/web/client/${file.name}`,
        readFileSync(path.join(file.parentPath, file.name), 'latin1'),
      )
  }
  for await (const { table, text } of everyRow(stage.databaseUrl))
    search(`the table ${table}`, text)
  expect([...new Set(found)]).toEqual([])
  await Promise.all([owner.close(), admin.close(), stranger.close()])
})

/**
 * A secret as it may turn up: plain, in hex, in URLs, and in base64 wherever it starts within three
 * bytes.
 */
function disguisesOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].flatMap((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    // The first and the last group also hold bits of their neighbours.
    const middle = padded.slice(shift === 0 ? 0 : 4, -4)
    return [middle, middle.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const decoded = /^[A-Za-z0-9+/]{43}=$/.test(secret)
    ? [
        Buffer.from(secret, 'base64').toString('hex'),
        Buffer.from(secret, 'base64').toString('base64url'),
      ]
    : []
  return [
    ...new Set([secret, encodeURIComponent(secret), bytes.toString('hex'), ...base64, ...decoded]),
  ]
}

async function* everyRow(databaseUrl: string): AsyncGenerator<{ table: string; text: string }> {
  const url = new URL(databaseUrl)
  url.searchParams.delete('schema')
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(
      `
        select format('%I.%I', schemaname, tablename) as name from pg_tables
          where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    expect(tables.rows.map(({ name }) => name)).toContain('keymint.audit_events')
    for (const { name } of tables.rows) {
      const rows = await client.query<{ text: string }>(`select t::text as text from ${name} t`)
      for (const { text } of rows.rows) yield { table: name, text }
    }
  } finally {
    await client.end()
  }
}

test('a browser whose zone nobody knows sees every page', async ({ page, stage, signIn }) => {
  await page.addInitScript(() => {
    const { resolvedOptions } = Intl.DateTimeFormat.prototype
    Intl.DateTimeFormat.prototype.resolvedOptions = function () {
      return { ...resolvedOptions.call(this), timeZone: 'Mars/Olympus_Mons' }
    }
  })
  const failures: string[] = []
  page.on('pageerror', (error) => failures.push(error.message))
  await signIn('admin')
  for (const url of ['/', '/w/open-room', '/me', '/admin', '/admin/queue', '/admin/w/open-room']) {
    await page.goto(`${stage.origin}${url}`)
    await expect(page.locator('h1').first()).toBeVisible()
    await expect(page.getByText('went wrong')).toHaveCount(0)
  }
  expect(failures).toEqual([])
})

/**
 * Every address of the admin side, in every shape and by every method, as everybody who should not
 * see it.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { APIRequestContext, BrowserContext } from '@playwright/test'
import { adminTable, type Facts, type Role } from './access-table'
import {
  attendee,
  claimOverHttp,
  expect,
  queryDatabase,
  revealOverHttp,
  signInTo,
  test,
} from './fixtures'

/** Named as an organizer by the file of second-room: see workshop-files.ts. */
const organizer = attendee(92)

/** Whose name, address and key may be in no answer to a stranger or to another attendee. */
const victim = attendee(90)

type Manifest = { routes: Record<string, { id: string; path?: string; parentId?: string }> }

async function routesOf(prefix: string): Promise<string[]> {
  const file = path.resolve('build/web/server/index.js')
  if (!existsSync(file)) throw new Error('There is no build. Run: npm run build')
  const { routes } = (await import(pathToFileURL(file).href)) as Manifest
  return Object.keys(routes).filter((id) => id === prefix || id.startsWith(`${prefix}.`))
}

/** The four shapes in which Remix could be asked for one route's data. */
function shapesOf(url: string, route: string): { name: string; url: string; isOldShape?: true }[] {
  const [pathname = '', query = ''] = url.split('?')
  const data = `${pathname}.data`
  const more = query ? `&${query}` : ''
  return [
    { name: 'document', url },
    { name: '.data', url: query ? `${data}?${query}` : data },
    { name: '.data?_routes=', url: `${data}?_routes=${encodeURIComponent(route)}${more}` },
    {
      name: '?_data=',
      url: `${pathname}?_data=${encodeURIComponent(route)}${more}`,
      isOldShape: true,
    },
  ]
}

test('every admin address answers as the table says, in four shapes and by every method', async ({
  browser,
  stage,
}) => {
  // Some two thousand requests, one after the other.
  test.setTimeout(300_000)
  expect(
    (await routesOf('routes/admin')).sort(),
    'a route of the admin side without a row in access-table.ts',
  ).toEqual(adminTable.map((row) => row.route).sort())

  const contexts: Record<Role, BrowserContext> = {
    stranger: await browser.newContext(),
    attendee: await browser.newContext(),
    organizer: await browser.newContext(),
    viewer: await browser.newContext(),
    admin: await browser.newContext(),
  }
  const owner = await browser.newContext()
  await signInTo(contexts.attendee, stage.origin, attendee(91).login)
  await signInTo(contexts.organizer, stage.origin, organizer.login)
  await signInTo(contexts.viewer, stage.origin, 'viewer')
  await signInTo(contexts.admin, stage.origin, 'admin')
  await signInTo(owner, stage.origin, victim.login)
  await claimOverHttp(owner, stage.origin, 'open-room')
  await revealOverHttp(owner, stage.origin, 'open-room')

  const [claim] = await queryDatabase<{
    claim_id: string
    key_label: string
    or_key_hash: string
    user_id: string
    email: string
  }>(
    stage,
    `
    select c.claim_id, c.key_label, c.or_key_hash, a.user_id, a.email
    from keymint.workshop_attendance c join keymint.attendees a using (user_id)
    join keymint.identities i using (user_id)
    where i.login = $1 and c.workshop_slug = 'open-room'`,
    [victim.login],
  )
  if (!claim) throw new Error('the claim that the table is about is not there')
  const [job] = await queryDatabase<{ id: string }>(
    stage,
    `
    select j.id from pgboss.job j join keymint.mints m on j.name = 'mint-key'
      and j.singleton_key = m.id::text where m.holder_id = $1`,
    [claim.claim_id],
  )
  const facts = {
    ...(await makeFacts(contexts.admin.request, stage.origin, claim.claim_id)),
    jobId: job?.id ?? '',
  }
  const canaries = [
    claim.claim_id,
    claim.key_label,
    claim.or_key_hash,
    claim.user_id,
    claim.email,
    victim.name,
  ]

  const wrong: string[] = []
  for (const row of adminTable) {
    for (const [role, context] of Object.entries(contexts) as [Role, BrowserContext][]) {
      // The table asks for an export more often than a person may.
      await queryDatabase(stage, 'delete from keymint.rate_limits')
      for (const shape of shapesOf(row.path(facts), row.route)) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          const reads = method === 'GET' || method === 'HEAD'
          if (!reads && role === 'admin') continue
          const answer = await context.request.fetch(`${stage.origin}${shape.url}`, {
            method,
            maxRedirects: 0,
            headers: reads ? {} : { Origin: stage.origin },
            ...(reads ? {} : { form: { intent: 'x' } }),
          })
          const inTable = reads ? row.read[role] : row.act[role as keyof typeof row.act]
          // Where data is asked for, a redirect is an answer that the page's script follows.
          const expected = shape.isOldShape
            ? 400
            : inTable === 303 && shape.name !== 'document'
              ? 202
              : inTable
          const what = `${method} ${shape.url} (${shape.name}) as ${role}`
          if (answer.status() !== expected)
            wrong.push(`${what}: ${answer.status()} and not ${expected}`)
          if (role === 'admin' || (role === 'viewer' && answer.status() === 200)) continue
          // The address that was asked for may come back: whoever asked knows it.
          const body = (await answer.text())
            .replaceAll(row.path(facts), '')
            .replaceAll(encodeURIComponent(row.path(facts)), '')
            .replaceAll(row.path(facts).slice(1), '')
          for (const canary of canaries)
            if (body.includes(canary)) wrong.push(`${what}: holds ${canary}`)
        }
        // Asked from another site, or from nowhere, nothing is even looked at.
        const elsewhere = await context.request.fetch(`${stage.origin}${shape.url}`, {
          method: 'POST',
          maxRedirects: 0,
          headers: { Origin: 'https://evil.example' },
          form: { intent: 'x' },
        })
        if (elsewhere.status() !== 403)
          wrong.push(
            `POST ${shape.url} from another site as ${role}: ${elsewhere.status()} and not 403`,
          )
      }
    }
  }
  await Promise.all([...Object.values(contexts), owner].map((context) => context.close()))
  expect(wrong).toEqual([])
})

/**
 * Something behind each kind of id, so that a 404 is about who asks and not about what is there.
 */
async function makeFacts(
  admin: APIRequestContext,
  origin: string,
  claimId: string,
): Promise<Facts> {
  const started = await admin.post(`${origin}/admin/w/open-room/act`, {
    form: { action: 'bind', claim: claimId, confirm: 'yes' },
    headers: { Origin: origin },
    maxRedirects: 0,
  })
  const bulkId = started.headers().location?.split('/').at(-1)
  if (!bulkId) throw new Error(`an action could not be started: ${started.status()}`)
  return { slug: 'open-room', claimId, bulkId, jobId: claimId }
}

test('a method that no page takes is refused with a sentence, and every header stands once', async ({
  stage,
  context,
  signIn,
}) => {
  await signIn(attendee(94).login)
  await claimOverHttp(context, stage.origin, 'open-room')
  const once = { headers: { Origin: stage.origin }, maxRedirects: 0 }
  const headersOf = (answer: { headersArray: () => { name: string; value: string }[] }) =>
    answer.headersArray().map(({ name }) => name.toLowerCase())
  const twice = (names: string[]) =>
    names.filter((name, at) => name !== 'set-cookie' && names.indexOf(name) !== at)
  const refused = async (method: string, path: string, allowed: string) => {
    const answer = await context.request.fetch(stage.origin + path, { ...once, method })
    expect([path, method, answer.status(), answer.headers().allow]).toEqual([
      path,
      method,
      405,
      allowed,
    ])
    expect(await answer.text()).toContain('Nothing has changed')
    expect(twice(headersOf(answer))).toEqual([])
  }
  for (const method of ['OPTIONS', 'PROPFIND', 'LOCK'])
    for (const path of ['/', '/me', '/w/open-room/claim', '/w/open-room/claim/status'])
      await refused(method, path, 'GET, HEAD, POST')
  for (const path of ['/setup.mjs', '/w/open-room/claim/status', '/w/open-room/claim/view'])
    await refused('POST', path, 'GET, HEAD')
  const pages = ['/', '/sign-in', '/docs', '/nowhere', '/me', '/me/setup', '/w/open-room/claim']
  for (const path of [...pages, ...pages.slice(1).map((page) => `${page}.data`), '/setup.mjs']) {
    const answer = await context.request.get(stage.origin + path, once)
    expect([path, twice(headersOf(answer))]).toEqual([path, []])
    expect(answer.headers()['cache-control'], path).toBe('no-store')
  }
  const shown = await context.request.post(`${stage.origin}/w/open-room/claim/reveal`, once)
  expect(shown.headers()).toMatchObject({
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-robots-tag': 'noindex',
  })
})

test('an organizer sees and acts in their own workshop, and no other one exists for them', async ({
  browser,
  stage,
}) => {
  const context = await browser.newContext()
  const guest = await browser.newContext()
  await signInTo(context, stage.origin, organizer.login)
  await signInTo(guest, stage.origin, attendee(93).login)
  await claimOverHttp(guest, stage.origin, 'second-room')
  const page = await context.newPage()
  await page.goto(`${stage.origin}/`)
  await page.getByRole('link', { name: 'Organize' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'The second workshop' })).toBeVisible()
  await expect(page.getByText(`Organizers, besides staff: ${organizer.login}.`)).toBeVisible()
  await expect(page.getByRole('link', { name: 'Overview' })).toHaveCount(0)
  await page.getByRole('link', { name: attendee(93).name }).click()
  await expect(page.getByRole('button', { name: 'Ban this person' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Disable the key' }).click()
  await page.getByRole('button', { name: 'Disable the key' }).click()
  await expect(page.getByText(/All \d+ finished\.|Finished\./).first()).toBeVisible({
    timeout: 20_000,
  })
  for (const path of [
    '/admin',
    '/admin/find',
    '/admin/queue',
    '/admin/audit',
    '/admin/w/open-room',
    '/admin/w/open-room/act?action=end',
    '/admin/w/second-room/mint',
  ])
    expect((await context.request.get(stage.origin + path)).status(), path).toBe(404)
  await context.close()
  await guest.close()
})

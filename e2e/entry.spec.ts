/** Who may come in: refused, asked, let in with one press, and the code that a workshop shows. */
import type { BrowserContext } from '@playwright/test'
import { attendee, expect, heading, queryDatabase, signInTo, test } from './fixtures'

test('who is refused by the roster asks, staff let them in with one press, and their page claims', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  const me = attendee(140)
  await signIn(me.login)
  await page.goto('/')
  await expect(page.getByText('The workshop with a roster')).toHaveCount(0)
  await page.goto('/w/listed-room')
  await expect(page.locator('meta[name=robots]')).toHaveAttribute('content', /noindex/)
  await expect(page.getByText('You are not on the list of this workshop')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  expect(await page.content()).not.toContain('nobody-at-all')
  // Past the page, the claim itself decides the same.
  const answer = await page.request.post(`${stage.origin}/w/listed-room/claim`, {
    form: {},
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })
  expect(answer.headers().location).toBe('/w/listed-room/claim?refused=not-on-roster')

  await page.getByRole('link', { name: 'Ask the organiser to let you in' }).click()
  await page.getByLabel('Who are you?').fill('I registered as Ada at the desk.')
  await page.getByRole('button', { name: 'Send the request' }).click()
  await expect(heading(page, 'The organiser has your request')).toBeVisible()

  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  await admin.goto(`${stage.origin}/admin/w/listed-room`)
  await admin.getByRole('link', { name: 'Who may come in (1 asking)' }).click()
  await expect(admin.getByText('“I registered as Ada at the desk.”')).toBeVisible()
  await admin.getByRole('button', { name: `Let ${me.name} in` }).click()
  await expect(admin.getByText('Nobody is asking')).toBeVisible()

  // Nobody touches the attendee's page.
  const claim = page.getByRole('button', { name: 'Claim my key' })
  await expect(claim).toBeVisible({ timeout: 20_000 })
  await claim.click()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 30_000 })

  // Beforehand, by login: no request, no refusal.
  const guest = attendee(141)
  await admin.getByLabel('Let people in before they ask').fill(`${guest.login}\nnot anybody\n`)
  await admin.getByRole('button', { name: 'Let them in' }).click()
  await expect(admin.getByText('line 2 is neither a GitHub login nor an address')).toBeVisible()
  await admin.getByLabel('Let people in before they ask').fill(guest.login)
  await admin.getByRole('button', { name: 'Let them in' }).click()
  await expect(admin.getByRole('button', { name: `Take back: ${guest.login}` })).toBeVisible()
  const other = await browser.newContext()
  await signInTo(other, stage.origin, guest.login)
  const theirs = await other.newPage()
  await theirs.goto(`${stage.origin}/w/listed-room`)
  await expect(theirs.getByRole('button', { name: 'Claim my key' })).toBeVisible()
  await Promise.all([staff.close(), other.close()])
})

test('several requests are answered at once, and a refusal reaches the page by itself', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  const people = [142, 144, 145].map(attendee)
  const contexts: BrowserContext[] = []
  for (const person of people) {
    const context = await browser.newContext()
    contexts.push(context)
    await signInTo(context, stage.origin, person.login)
    const asked = await context.request.post(`${stage.origin}/w/code-room/ask`, {
      form: { note: 'My screen is broken.' },
      headers: { Origin: stage.origin },
      maxRedirects: 0,
    })
    expect(asked.headers().location).toBe('/w/code-room/ask')
  }
  const waiting = await contexts[2]!.newPage()
  await waiting.goto(`${stage.origin}/w/code-room/ask`)
  await signIn('admin')
  await page.goto('/admin/w/code-room/access')
  await page.getByRole('button', { name: `Refuse ${people[2]!.name}` }).click()
  await expect(page.getByRole('checkbox', { name: `Select ${people[2]!.name}` })).toHaveCount(0)
  await page.getByRole('checkbox', { name: 'all 2 shown' }).check()
  await page.getByRole('button', { name: 'Let the selected in' }).click()
  await expect(page.getByText('Nobody is asking')).toBeVisible()
  await expect(waiting.getByText('The organiser has refused your last request')).toBeVisible({
    timeout: 20_000,
  })
  const first = await contexts[0]!.newPage()
  await first.goto(`${stage.origin}/w/code-room`)
  await expect(first.getByRole('button', { name: 'Claim my key' })).toBeVisible()
  await expect(first.getByLabel('Code')).toHaveCount(0)
  await Promise.all(contexts.map((context) => context.close()))
})

test('the code on the screen lets one in, without a script, and a wrong one says so', async ({
  browser,
  stage,
}) => {
  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  await admin.goto(`${stage.origin}/admin/w/code-room/access`)
  await admin.getByRole('button', { name: 'Create a link for a screen' }).click()
  const link = admin.getByText(/\/w\/code-room\/code\?link=/)
  const address = (await link.textContent()) ?? ''
  // A screen where nobody is signed in.
  const wall = await browser.newContext()
  const screen = await wall.newPage()
  await screen.goto(address.trim())
  const shown = screen.getByLabel(/^(\d ){5}\d$/)
  await expect(shown).toBeVisible()
  const code = ((await shown.textContent()) ?? '').replace(/\D/g, '')

  const plain = await browser.newContext({ javaScriptEnabled: false })
  await signInTo(plain, stage.origin, attendee(146).login)
  const page = await plain.newPage()
  await page.goto(`${stage.origin}/w/code-room`)
  await page.getByLabel('Code').fill('12 34')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(page.getByText('This code is wrong or too old')).toBeVisible()
  await page.getByLabel('Code').fill(`${code.slice(0, 3)} ${code.slice(3)}`)
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(page).toHaveURL(/\/w\/code-room\/claim$/)

  await admin.getByRole('button', { name: 'Revoke the link' }).click()
  await expect(link).toHaveCount(0)
  expect((await screen.reload())?.status()).toBe(404)
  await Promise.all([staff, wall, plain].map((context) => context.close()))
})

test('the pages of a code and of a request answer everybody as they may see them', async ({
  browser,
  stage,
}) => {
  const contexts: Record<string, BrowserContext> = {}
  for (const [role, login] of Object.entries({
    stranger: null,
    attendee: attendee(147).login,
    organizer: attendee(92).login,
    viewer: 'viewer',
    admin: 'admin',
  })) {
    contexts[role] = await browser.newContext()
    if (login) await signInTo(contexts[role], stage.origin, login)
  }
  // Who is not signed in is sent to the sign-in, whatever is there.
  const staffOnly = { stranger: 303, attendee: 404, organizer: 404, viewer: 200, admin: 200 }
  const nobody = { stranger: 303, attendee: 404, organizer: 404, viewer: 404, admin: 404 }
  const signedIn = { stranger: 303, attendee: 200, organizer: 200, viewer: 200, admin: 200 }
  const table: [path: string, Record<string, number>][] = [
    ['/w/code-room/code', staffOnly],
    ['/w/code-room/code.data', { ...staffOnly, stranger: 202 }],
    ['/w/code-room/code/status', staffOnly],
    [
      '/w/code-room/code?link=00000000-0000-4000-8000-000000000000.AAAAAAAAAAAAAAAAAAAAAAAA',
      { ...staffOnly, stranger: 404 },
    ],
    // No code to show, whoever asks.
    ['/w/open-room/code', nobody],
    ['/w/nowhere/code', nobody],
    ['/admin/w/second-room/access', { ...staffOnly, organizer: 200 }],
    ['/w/listed-room/ask', signedIn],
    ['/w/listed-room/ask/status', { ...signedIn, stranger: 401 }],
    ['/w/nowhere/ask/status', { ...nobody, stranger: 401 }],
    ['/w/line-room/waitlist/status', { ...nobody, stranger: 401 }],
    ['/w/nowhere/waitlist/status', { ...nobody, stranger: 401 }],
    [
      '/w/line-room/waitlist',
      { stranger: 303, attendee: 303, organizer: 303, viewer: 303, admin: 303 },
    ],
    ['/w/open-room/ask', { stranger: 303, attendee: 303, organizer: 303, viewer: 303, admin: 303 }],
  ]
  const wrong: string[] = []
  for (const [path, expected] of table)
    for (const [role, context] of Object.entries(contexts)) {
      const answer = await context.request.get(`${stage.origin}${path}`, { maxRedirects: 0 })
      if (answer.status() !== expected[role])
        wrong.push(`GET ${path} as ${role}: ${answer.status()} and not ${expected[role]}`)
      if (answer.status() === 404 && /\b\d{6}\b/.test(await answer.text()))
        wrong.push(`GET ${path} as ${role} holds six digits`)
    }
  for (const path of [
    '/w/listed-room/ask',
    '/w/line-room/waitlist',
    '/admin/w/listed-room/access',
  ]) {
    const answer = await contexts.attendee!.request.post(`${stage.origin}${path}`, {
      form: { note: 'x', intent: 'make-link' },
      headers: { Origin: 'https://evil.example' },
      maxRedirects: 0,
    })
    if (answer.status() !== 403) wrong.push(`POST ${path} from elsewhere: ${answer.status()}`)
  }
  await Promise.all(Object.values(contexts).map((context) => context.close()))
  expect(wrong).toEqual([])
  const rows = await queryDatabase(stage, 'select 1 from keymint.code_links where made_by = $1', [
    attendee(147).login,
  ])
  expect(rows).toEqual([])
})

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

test('a closed, a coming and a broken workshop say so and offer no claim', async ({
  page,
  signIn,
}) => {
  await signIn(attendee(30).login)
  await page.goto('/w/closed-room')
  await expect(page.getByText('Claims have closed')).toBeVisible()
  await page.goto('/w/coming-room')
  await expect(page.getByText('Claims are not open yet')).toBeVisible()
  await page.goto('/w/broken-room')
  await expect(heading(page, 'We cannot show this workshop')).toBeVisible()
  for (const slug of ['closed-room', 'coming-room', 'broken-room']) {
    await page.goto(`/w/${slug}`)
    await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  }
})

test('whoever posts a claim past the page is refused with a reason, and no key is made', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(31).login)
  const before = (await upstreamKeys(page, stage)).length
  for (const [slug, title] of [
    ['closed-room', 'Claims have closed'],
    ['coming-room', 'Claims are not open yet'],
    ['nowhere', 'This workshop does not exist'],
    ['broken-room', 'This workshop does not exist'],
  ] as const) {
    const answer = await context.request.post(`${stage.origin}/w/${slug}/claim`, {
      form: {},
      headers: { Origin: stage.origin },
      maxRedirects: 0,
    })
    expect(answer.status()).toBe(303)
    await page.goto(answer.headers().location ?? '')
    await expect(heading(page, title)).toBeVisible()
  }
  expect((await upstreamKeys(page, stage)).length).toBe(before)
})

test('a workshop with one seat gives one key, and the next person is told that it is full', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  await signIn(attendee(32).login)
  await page.goto('/w/last-seat')
  // Sees the form while there is still a seat; somebody else is faster.
  const claim = page.getByRole('button', { name: 'Claim my key' })
  await expect(claim).toBeVisible()
  const faster = await browser.newContext()
  await signInTo(faster, stage.origin, attendee(33).login)
  await claimOverHttp(faster, stage.origin, 'last-seat')
  await faster.close()
  await claim.click()
  await expect(heading(page, 'All keys are taken')).toBeVisible()
  await page.goto('/w/last-seat')
  await expect(page.getByText('All keys are taken')).toBeVisible()
  await expect.poll(async () => (await upstreamKeys(page, stage, 'last-seat')).length).toBe(1)
})

test('a workshop for GitHub refuses who is signed in with Google, also past its page', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn('Mixed.Case@Northwind.test', 'google')
  const answer = await context.request.post(`${stage.origin}/w/github-room/claim`, {
    form: {},
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })
  await page.goto(answer.headers().location ?? '')
  await expect(heading(page, 'This workshop needs a GitHub account')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Continue with GitHub' })).toBeVisible()
})

test('claims that open while one watches offer the button by the clock, without a reload', async ({
  page,
  signIn,
  stage,
}) => {
  await signIn(attendee(38).login)
  await page.goto('/w/coming-room')
  await expect(page.getByText('Claims are not open yet')).toBeVisible()
  let asked = 0
  await page.route('**/w/coming-room/status', async (route) => {
    asked++
    const answer = await page.request.get(`${stage.origin}/w/coming-room/status`)
    const pulse = (await answer.json()) as { asOf: string }
    const opensAt = new Date(Date.parse(pulse.asOf) + 4_000).toISOString()
    await route.fulfill({ json: { ...pulse, opensAt, next: 60_000 } })
  })
  // The server moves the opening closer; a page that is online again looks at once.
  await expect(async () => {
    await page.evaluate(() => {
      document.body.dataset.kept = 'yes'
      dispatchEvent(new Event('online'))
    })
    // Before its script runs, the page hears nothing.
    await expect(page.getByText(/in \d s\b/).first()).toBeVisible({ timeout: 1_000 })
  }).toPass()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Claim my key' })).toBeVisible({ timeout: 10_000 })
  expect(asked).toBe(1)
  expect(await page.evaluate(() => document.body.dataset.kept)).toBe('yes')
})

test('a seat that somebody else takes changes the page while one watches', async ({
  page,
  browser,
  signIn,
  stage,
}) => {
  await signIn(attendee(39).login)
  await page.goto('/w/live-seat')
  await expect(page.getByRole('paragraph').filter({ hasText: '1 of 1 left' })).toBeVisible()
  const other = await browser.newContext()
  await signInTo(other, stage.origin, attendee(40).login)
  await claimOverHttp(other, stage.origin, 'live-seat')
  await other.close()
  await expect(page.getByText('All keys are taken', { exact: true })).toBeVisible({
    timeout: 20_000,
  })
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
})

test('one mailbox under two accounts gets one key', async ({ page, browser, signIn, stage }) => {
  const first = await browser.newContext()
  await signInTo(first, stage.origin, 'twin-dots')
  await claimOverHttp(first, stage.origin, 'second-room')
  await first.close()
  await signIn('twin-plus')
  await page.goto('/w/second-room')
  // It is said before a claim, and by the answer to one that is posted anyway.
  await expect(page.getByText('This email already has a key here')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  const answer = await page.request.post(`${stage.origin}/w/second-room/claim`, {
    form: {},
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })
  await page.goto(answer.headers().location ?? '')
  await expect(heading(page, 'This email already has a key here')).toBeVisible()
  await expect(page.getByRole('link', { name: /hosts@example\.org|Journey hosts/ })).toBeVisible()
})

test('with new keys disabled everybody is told why, and the provider hears nothing', async ({
  page,
  context,
  stage,
  request,
}) => {
  await signInTo(context, stage.offOrigin, attendee(34).login)
  const before = (await upstreamKeys(page, stage)).length
  await request.delete(`${stage.openrouter.root}/__sim/calls`)
  await page.goto(`${stage.offOrigin}/w/open-room`)
  await expect(page.getByText('No new keys at the moment')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Claim my key' })).toHaveCount(0)
  const answer = await context.request.post(`${stage.offOrigin}/w/open-room/claim`, {
    form: {},
    headers: { Origin: stage.offOrigin },
    maxRedirects: 0,
  })
  await page.goto(`${stage.offOrigin}${answer.headers().location}`)
  await expect(heading(page, 'New keys are disabled')).toBeVisible()
  const { counts } = (await (await request.get(`${stage.openrouter.root}/__sim/calls`)).json()) as {
    counts: Record<string, number>
  }
  // The worker beside it hands out keys: it reads usage, and prepares guardrails of events to come.
  const ofKeys = Object.keys(counts).filter((call) => !call.startsWith('GET '))
  expect(ofKeys.filter((call) => call !== 'POST /guardrails')).toEqual([])
  expect((await upstreamKeys(page, stage)).length).toBe(before)
})

test('a guardrail that cannot be assigned keeps no key from its owner, and an admin assigns it later', async ({
  page,
  browser,
  signIn,
  faults,
  stage,
  request,
}) => {
  await faults({ bindFails: { status: 500, message: 'guardrails are down' } })
  const me = attendee(35)
  await signIn(me.login)
  await page.goto('/w/github-room')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  const clickedAt = Date.now()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 15_000 })
  expect(Date.now() - clickedAt).toBeLessThan(12_000)
  await page.getByRole('button', { name: 'Show key' }).click()
  await expect(page.getByRole('region', { name: 'Key card' })).toContainText(
    /sk-or-v1-[0-9a-f]{64}/,
  )
  await expect(page.getByText('The model list is not assigned yet')).toBeVisible()

  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  await admin.goto(`${stage.origin}/admin/w/github-room`)
  const row = admin.getByRole('row').filter({ hasText: me.name })
  await expect(row).toContainText(/unbound: .{4,}/)
  await expect(row).not.toContainText('not tried yet')
  await request.delete(stage.openrouter.faultsUrl)
  await row.getByRole('checkbox').check()
  await admin.getByLabel('With the selected claims').selectOption('bind')
  await admin.getByRole('button', { name: 'Continue' }).click()
  // Keymint retries automatically, too, and may have been faster than the admin.
  const sure = admin.getByRole('button', { name: 'Assign the guardrail to the key' })
  await expect(sure.or(admin.getByText('There is nothing to do'))).toBeVisible()
  if (await sure.isVisible()) await sure.click()
  await expect(async () => {
    await admin.goto(`${stage.origin}/admin/w/github-room`)
    await expect(row.getByRole('cell', { name: 'ready', exact: true })).toBeVisible({
      timeout: 500,
    })
  }).toPass({ timeout: 15_000 })
  const [key] = await upstreamKeys(page, stage, 'github-room')
  expect(key?.guardrail_id).not.toBeNull()
  await staff.close()
})

test('for who is not an admin the admin page is not there or behind the sign-in, in whatever shape', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  // There is something to see.
  await signIn(attendee(36).login)
  await claimOverHttp(context, stage.origin, 'second-room')
  await revealOverHttp(context, stage.origin, 'second-room')
  const route = encodeURIComponent('routes/admin.w.$workshop._index')
  const admin = '/admin/w/second-room'
  const shapes = [
    admin,
    `${admin}.data`,
    `${admin}.data?_routes=${route}`,
    `${admin}?_data=${route}`,
  ]
  // Their own name stands in the header of every page.
  const told = ['sk-or-v1-', 'claimId', 'mayAct', '@', 'Tara Twin']
  for (const who of ['attendee', 'stranger'] as const) {
    if (who === 'stranger') await context.clearCookies()
    for (const shape of shapes) {
      const answer = await page.request.get(`${stage.origin}${shape}`, { maxRedirects: 0 })
      const refused = who === 'attendee' ? 404 : shape === admin ? 303 : 202
      expect(answer.status(), `${who} ${shape}`).toBe(shape.includes('_data=') ? 400 : refused)
      const body = await answer.text()
      for (const word of told)
        expect(body.includes(word), `${who} ${shape} tells ${word}`).toBe(false)
    }
    const act = await page.request.post(`${stage.origin}/admin/w/second-room/act`, {
      form: { action: 'bind', all: 'yes', confirm: 'yes' },
      headers: { Origin: stage.origin },
      maxRedirects: 0,
    })
    expect(act.status()).toBe(who === 'attendee' ? 404 : 303)
  }
})

test('a viewer sees the admin page and finds nothing to press', async ({ page, signIn, stage }) => {
  await signIn('viewer')
  await page.goto('/admin/w/second-room')
  await expect(page.getByRole('region', { name: 'Claims' }).getByRole('table')).toBeVisible()
  // To look for somebody is all there is.
  await expect(page.getByRole('main').getByRole('button')).toHaveText(['Pause updates', 'Find'])
  await expect(page.getByRole('main').getByRole('checkbox')).toHaveCount(0)
  const act = await page.request.post(`${stage.origin}/admin/w/second-room/act`, {
    form: { action: 'bind', all: 'yes', confirm: 'yes' },
    headers: { Origin: stage.origin },
  })
  expect(act.status()).toBe(404)
})

test('a form posted from another site changes nothing', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(37).login)
  for (const [path, headers] of [
    ['/w/open-room/claim', { Origin: 'https://evil.example' }],
    ['/w/open-room/claim', { Origin: 'null' }],
    ['/w/open-room/claim', {}],
    ['/w/open-room/claim.data', { Origin: stage.origin, 'Sec-Fetch-Site': 'cross-site' }],
    ['/w/open-room/claim/reveal', { Origin: 'https://evil.example' }],
    ['/sign-out', { Origin: 'https://evil.example' }],
  ] as [string, Record<string, string>][]) {
    const answer = await context.request.post(`${stage.origin}${path}`, {
      form: {},
      headers,
      maxRedirects: 0,
    })
    expect(answer.status(), path).toBe(403)
  }
  await page.goto('/me')
  await expect(page.getByText('You have no key yet', { exact: true })).toBeVisible()
})

test('a session that ends while its page is open is named, and a post without a body is answered', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(178).login)
  await claimOverHttp(context, stage.origin, 'crowded-room')
  // Sends no body and no type, as a script might.
  await revealOverHttp(context, stage.origin, 'crowded-room')
  await page.goto('/w/crowded-room/claim')
  await expect(page.getByRole('button', { name: 'Copy key' })).toBeVisible()
  await context.clearCookies()
  await page.getByRole('button', { name: 'Test my key' }).click()
  await expect(page.getByText('Your session has ended')).toBeVisible()
})

/** The organiser sees what is wrong and why, repairs it at once, and finds anybody in a crowd. */
import AxeBuilder from '@axe-core/playwright'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  queryDatabase,
  revealOverHttp,
  sidewaysTables,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'

const slug = 'crowded-room'

test('thirty keys are unbound: the admin sees why, and one action assigns all guardrails', async ({
  page,
  browser,
  stage,
  signIn,
  faults,
  request,
}) => {
  test.slow()
  await faults({ bindFails: { status: 400, message: 'the guardrail is being serviced' } })
  await Promise.all(
    Array.from({ length: 30 }, async (_, number) => {
      const context = await browser.newContext()
      await signInTo(context, stage.origin, attendee(100 + number).login)
      await claimOverHttp(context, stage.origin, slug)
      await context.close()
    }),
  )
  const count = async (where: string) =>
    (
      await queryDatabase<{ n: number }>(
        stage,
        `select count(*)::int as n from keymint.workshop_attendance where workshop_slug = $1 and ${where}`,
        [slug],
      )
    )[0]?.n
  await expect.poll(() => count(`state = 'ready'`), { timeout: 40_000 }).toBe(30)
  await expect.poll(() => count(`bind_error is not null`), { timeout: 40_000 }).toBe(30)

  await signIn('admin')
  await page.goto('/')
  await page.getByRole('link', { name: 'Admin', exact: true }).click()
  await expect(page).toHaveURL(/\/admin$/)
  // The address changes before the page does, and the page before has a link of the same name.
  await expect(page.getByText(/^Live, every/)).toBeVisible()
  await page.getByRole('link', { name: 'The crowded workshop' }).click()
  await expect(
    page.getByText('30 keys are unbound: no guardrail limits the models yet'),
  ).toBeVisible()
  await expect(page.getByText(/^30: .{10,}/)).toBeVisible()
  await page.getByRole('link', { name: /^Unbound/ }).click()
  await expect(page.getByText('30 of 30 that match.')).toBeVisible()

  await request.delete(stage.openrouter.faultsUrl)
  await page.getByRole('button', { name: 'Assign all 30 now' }).click()
  await expect(heading(page, 'Assigning guardrails')).toBeVisible()
  // Some may be bound already: Keymint retries errors that pass.
  await expect(page.getByText(/All \d+ finished\./)).toBeVisible({ timeout: 30_000 })
  await expect.poll(() => count('guardrail_attached_at is not null'), { timeout: 30_000 }).toBe(30)
  expect(
    (await upstreamKeys(page, stage, slug)).filter((key) => key.guardrail_id !== null),
  ).toHaveLength(30)
  await page.goto(`/admin/w/${slug}`)
  await expect(page.getByText('30 claims: 30 ready.')).toBeVisible()
  await expect(page.getByRole('link', { name: /^Unbound 0/ })).toBeVisible()
})

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false })

  test('an admin finds one person, changes a limit with a reason, and exports what is shown', async ({
    page,
    context,
    stage,
    signIn,
  }) => {
    const person = attendee(140)
    await signIn(person.login)
    await claimOverHttp(context, stage.origin, slug)
    await expect
      .poll(
        async () =>
          (
            await queryDatabase(
              stage,
              'select 1 from keymint.workshop_attendance c join keymint.attendees a using (user_id) ' +
                `where workshop_slug = $1 and display_name = $2 and state = 'ready'`,
              [slug, person.name],
            )
          ).length,
      )
      .toBe(1)
    await signIn('admin')
    await page.goto(`/admin/w/${slug}`)
    await page.getByLabel(/^Name, email, key label/).fill(person.name.toLowerCase())
    await page.getByRole('button', { name: 'Find' }).click()
    await expect(page.getByText('1 of 1 that match.')).toBeVisible()
    const csv = await context.request.get(
      `${stage.origin}${await page.getByRole('link', { name: 'Export as CSV' }).getAttribute('href')}`,
    )
    expect((await csv.text()).trim().split('\r\n')).toHaveLength(2)

    await page.getByRole('link', { name: person.name }).click()
    await page.getByRole('button', { name: 'Change the limit' }).click()
    await page.getByLabel('Limit of each key, in USD').fill('much')
    await page.getByRole('button', { name: 'Preview' }).click()
    await expect(page.getByText('Enter an amount, such as 2 or 2.50.')).toBeVisible()
    await page.getByLabel('Limit of each key, in USD').fill('0.05')
    await page.getByRole('button', { name: 'Preview' }).click()
    await expect(heading(page, 'Set the limit of the key to $0.05?')).toBeVisible()
    await page.getByLabel('Reason', { exact: true }).fill('Asked for less.')
    await page.getByRole('button', { name: 'Change the limit of the key' }).click()
    await expect(heading(page, 'Setting limits')).toBeVisible()
    await expect(async () => {
      await page.reload()
      await expect(page.getByText('Setting limits: Finished.')).toBeVisible({ timeout: 500 })
    }).toPass({ timeout: 20_000 })
    await expect(page.getByText(/Asked for less\./)).toBeVisible()
    const own = (await upstreamKeys(page, stage, slug)).filter((key) => key.limit === 0.05)
    expect(own).toHaveLength(1)
  })
})

test('a leaked key is found by a paste and off with the second press, and is never sent', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  const person = attendee(142)
  const guest = await browser.newContext()
  await signInTo(guest, stage.origin, person.login)
  await claimOverHttp(guest, stage.origin, slug)
  await guest.close()
  const hash = async () =>
    (
      await queryDatabase<{ hash: string | null }>(
        stage,
        `select or_key_hash as hash from keymint.workshop_attendance c join keymint.attendees a using (user_id)
          where workshop_slug = $1 and display_name = $2`,
        [slug, person.name],
      )
    )[0]?.hash
  await expect.poll(hash, { timeout: 20_000 }).toMatch(/^[0-9a-f]{64}$/)
  const made = await hash()
  const leaked = (await upstreamKeys(page, stage, slug)).find((key) => key.hash === made)
  expect(leaked?.key).toMatch(/^sk-/)
  const sent: string[] = []
  page.on('request', (one) => sent.push(`${one.url()} ${one.postData() ?? ''}`))
  await signIn('admin')
  await page.goto('/admin/find')
  await page.getByLabel('A leaked key').fill(leaked?.key ?? '')
  await page.getByRole('button', { name: 'Find the key' }).click()
  await expect(page.getByText(`The key of ${person.name} works`)).toBeVisible()
  await page.getByRole('button', { name: 'Disable this key' }).click()
  await expect(heading(page, 'Disabling keys')).toBeVisible()
  await page.goto(`/admin/find?hash=${leaked?.hash}`)
  await expect(async () => {
    await page.reload()
    await expect(page.getByText(`The key of ${person.name} is off`)).toBeVisible({ timeout: 500 })
  }).toPass({ timeout: 20_000 })
  // The search of a workshop replaces a pasted key, too.
  await page.goto(`/admin/w/${slug}`)
  await page.getByLabel(/^Name, email, key label/).fill(leaked?.key ?? '')
  await page.getByRole('button', { name: 'Find' }).click()
  await expect(page.getByText('1 of 1 that match.')).toBeVisible()
  expect(sent.filter((one) => one.includes(leaked?.key ?? '-'))).toEqual([])
})

test('overview, claim list and audit come back after an outage, and say so meanwhile', async ({
  page,
  context,
  signIn,
  complaints,
}) => {
  test.slow()
  await signIn('admin')
  for (const path of ['/admin', `/admin/w/${slug}`, '/admin/audit']) {
    await page.goto(path)
    await expect(page.getByText(/^Live, every/)).toBeVisible()
    await context.setOffline(true)
    await expect(page.getByText(/No answer for \d+ s\. Retrying automatically\./)).toBeVisible({
      timeout: 40_000,
    })
    await context.setOffline(false)
    await expect(page.getByText(/^Live, every/)).toBeVisible({ timeout: 30_000 })
  }
  complaints.splice(0)
})

test('an admin checks a ban on the page of a claim and lifts it with a reason of its own', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  const person = attendee(144)
  const guest = await browser.newContext()
  await signInTo(guest, stage.origin, person.login)
  await claimOverHttp(guest, stage.origin, slug)
  await guest.close()
  await signIn('admin')
  await page.goto(`/admin/find?text=${encodeURIComponent(person.name)}`)
  await page.getByRole('link', { name: person.name }).first().click()
  const reason = page.getByLabel('Reason', { exact: true })
  await reason.fill('Sold the key.')
  await page.getByRole('button', { name: 'Ban this person' }).click()
  const lift = page.getByRole('button', { name: 'Lift the ban' })
  await expect(lift).toBeVisible()
  await expect(reason).toHaveValue('')
  await reason.fill('It was somebody else.')
  await lift.click()
  await expect(page.getByRole('button', { name: 'Ban this person' })).toBeVisible()
  await expect(reason).toHaveValue('')
})

test('ending a workshop is named with its number and typed to confirm', async ({
  page,
  stage,
  signIn,
}) => {
  const place = 'closed-room'
  await signIn('admin')
  await page.goto(`/admin/w/${place}/act?action=end`)
  await expect(heading(page, 'End the workshop: 0 keys?')).toBeVisible()
  await page.getByLabel('Reason', { exact: true }).fill('It is over.')
  await page.getByLabel(`Type ${place} to confirm`).fill('open-room')
  await page.getByRole('button', { name: 'End the workshop: 0 keys' }).click()
  await expect(page.getByText(`Type ${place} to confirm.`)).toBeVisible()
  expect(
    await queryDatabase(stage, 'select 1 from keymint.workshop_ends where slug = $1', [place]),
  ).toEqual([])
})

test('the pages for staff hold to the rules of accessibility, wide and narrow, light and dark', async ({
  browser,
  stage,
}) => {
  // Twelve pages, each in four looks.
  test.setTimeout(480_000)
  const guest = await browser.newContext()
  await signInTo(guest, stage.origin, attendee(143).login)
  await claimOverHttp(guest, stage.origin, slug)
  await revealOverHttp(guest, stage.origin, slug)
  await guest.close()
  const [claim] = await queryDatabase<{ id: string }>(
    stage,
    `select claim_id as id from keymint.workshop_attendance where state = 'ready' limit 1`,
  )
  const [place] = await queryDatabase<{ slug: string }>(
    stage,
    `select workshop_slug as slug from keymint.workshop_attendance where claim_id = $1::uuid`,
    [claim?.id ?? ''],
  )
  const workshop = `/admin/w/${place?.slug}`
  const cards = ['/admin/reconcile', workshop, `${workshop}/c/${claim?.id}`]
  const problems: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [320, 1280]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
      await signInTo(context, stage.origin, 'admin')
      const page = await context.newPage()
      for (const path of [
        '/admin',
        '/admin/alerts',
        '/admin/reconcile',
        '/admin/find?text=a',
        workshop,
        `${workshop}?fact=missing`,
        `${workshop}/c/${claim?.id}`,
        `${workshop}/act?action=revoke&claim=${claim?.id}`,
        `${workshop}/act?action=extend&all=yes`,
        `${workshop}/receipt`,
        `${workshop}/announce`,
        `${workshop}/requests`,
      ]) {
        await page.goto(stage.origin + path)
        const { violations } = await new AxeBuilder({ page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
          .analyze()
        problems.push(
          ...violations.map(
            (violation) =>
              `${path} ${width} ${colorScheme}: ${violation.id} ${violation.nodes[0]?.target.join(' ')}`,
          ),
        )
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (overflow > 0) problems.push(`${path} ${width}: ${overflow} px too wide`)
        // On a screen of 1280 × 800.
        if (width === 1280 && path === workshop) {
          const first = page.getByRole('region', { name: 'Claims' }).getByRole('row').nth(1)
          const box = await first.boundingBox()
          if (!box || box.y + box.height > 800)
            problems.push(`${path}: no claim on the first screen`)
        }
        if (width === 320 && cards.includes(path))
          problems.push(
            ...(await sidewaysTables(page)).map((table) => `${path}: ${table} is wider`),
          )
      }
      await context.close()
    }
  }
  expect(problems).toEqual([])
})

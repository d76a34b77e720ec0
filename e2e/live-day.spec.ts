/** The organiser's live day: the wall, a line to everybody, and a higher limit for those who run low. */
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContext, Page } from '@playwright/test'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  queryDatabase,
  revealOverHttp,
  signInTo,
  test,
  upstreamKeys,
} from './fixtures'
import type { Stage } from './stage'

const slug = 'live-room'
const title = 'The workshop on the wall'
const wcag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** As a page that comes to the front: it asks at once. */
const wake = (page: Page) =>
  page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))

async function problemsOf(page: Page, name: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(wcag).analyze()
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  return [
    ...violations.map(({ id, nodes }) => `${name}: ${id} at ${nodes[0]?.target.join(' ')}`),
    ...(overflow > 0 ? [`${name}: ${overflow} px too wide`] : []),
  ]
}

/** Spends so much of this person's key; the next reading, within seconds, shows it. */
async function spend(context: BrowserContext, stage: Stage, usd: number) {
  const secret = await revealOverHttp(context, stage.origin, slug)
  const own = (await upstreamKeys({ request: context.request }, stage, slug)).find(
    ({ key }) => key === secret,
  )
  await context.request.post(`${stage.openrouter.root}/__sim/spend`, {
    data: { hash: own?.hash, usd },
  })
  return own?.hash
}

test('a line of staff, posted from a phone, comes to every open page, changes, and goes', async ({
  browser,
  stage,
}) => {
  test.setTimeout(180_000)
  const [mine, bare] = [
    await browser.newContext(),
    await browser.newContext({ javaScriptEnabled: false }),
  ]
  const phone = await browser.newContext({ viewport: { width: 320, height: 640 } })
  await signInTo(mine, stage.origin, attendee(150).login)
  await claimOverHttp(mine, stage.origin, slug)
  const [key, workshop, wall] = [await mine.newPage(), await mine.newPage(), await mine.newPage()]
  await key.goto(`${stage.origin}/w/${slug}/claim`)
  await expect(heading(key, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  await workshop.goto(`${stage.origin}/w/${slug}`)
  await wall.goto(`${stage.origin}/w/${slug}/live`)

  await signInTo(phone, stage.origin, 'admin')
  const staff = await phone.newPage()
  await staff.goto(`${stage.origin}/admin/w/${slug}/announce`)
  expect(await problemsOf(staff, 'announcement at 320 px')).toEqual([])
  // By keyboard alone.
  await staff.getByLabel('One line').focus()
  await staff.keyboard.type('Lunch <b>now</b> & "more" at 12:30')
  await staff.keyboard.press('Tab')
  await staff.keyboard.press('Tab')
  await staff.keyboard.press('Enter')
  await expect(staff.getByText('Shown on every open page')).toBeVisible()
  const line = 'Lunch <b>now</b> & "more" at 12:30'
  await expect(wall.getByText(line)).toBeVisible({ timeout: 15_000 })
  await expect(workshop.getByText(line)).toBeVisible({ timeout: 20_000 })
  await expect(key.getByText(line)).toBeVisible({ timeout: 45_000 })
  await signInTo(bare, stage.origin, attendee(150).login)
  const plain = await bare.newPage()
  for (const path of [`/w/${slug}`, `/w/${slug}/claim`, `/w/${slug}/live`]) {
    await plain.goto(stage.origin + path)
    await expect(plain.getByText(line)).toBeVisible()
  }

  await staff.getByLabel('One line').fill('Lunch is at 13:00')
  await staff.getByRole('button', { name: 'Change it' }).click()
  for (const page of [wall, workshop, key]) {
    await expect(async () => {
      await wake(page)
      await expect(page.getByText('Lunch is at 13:00')).toBeVisible({ timeout: 1_000 })
    }).toPass({ timeout: 20_000 })
    await expect(page.getByText(line)).toBeHidden()
  }
  await staff.getByRole('button', { name: 'Take it down' }).click()
  await expect(staff.getByText('Shown on every open page')).toBeHidden()
  for (const page of [wall, workshop, key])
    await expect(async () => {
      await wake(page)
      await expect(page.getByText('Lunch is at 13:00')).toBeHidden({ timeout: 1_000 })
    }).toPass({ timeout: 20_000 })
  expect(
    await queryDatabase(
      stage,
      // Keymint's own lines come and go with what other journeys do to the credit.
      `select action from keymint.audit_events where workshop_slug = $1 and action like 'announcement.%'
        and actor like 'user:%' order by id`,
      [slug],
    ),
  ).toEqual([
    { action: 'announcement.posted' },
    { action: 'announcement.edited' },
    { action: 'announcement.taken-down' },
  ])
  for (const context of [mine, bare, phone]) await context.close()
})

test('Keymint says that credit runs low, and stops saying so when there is enough', async ({
  page,
  stage,
  faults,
  request,
}) => {
  test.setTimeout(200_000)
  await page.goto(`/w/${slug}`)
  const line = page.getByText('Credit is running low')
  await expect(heading(page, title)).toBeVisible()
  await expect(line).toBeHidden()
  await faults({ credits: 0.25 })
  await expect(async () => {
    await wake(page)
    await expect(line).toBeVisible({ timeout: 1_000 })
  }).toPass({ timeout: 60_000 })
  await request.delete(stage.openrouter.faultsUrl)
  // A minute after its end, and the sweep that finds it.
  await expect(async () => {
    await wake(page)
    await expect(line).toBeHidden({ timeout: 1_000 })
  }).toPass({ timeout: 120_000 })
})

test('people whose keys run low request more; staff approve two at once and refuse one', async ({
  page,
  browser,
  stage,
  signIn,
}) => {
  test.setTimeout(240_000)
  const people = await Promise.all(
    [151, 152, 153].map(async (number) => {
      const context = await browser.newContext()
      await signInTo(context, stage.origin, attendee(number).login)
      await claimOverHttp(context, stage.origin, slug)
      return { name: attendee(number).name, number, context, page: await context.newPage() }
    }),
  )
  const [first, second, third] = people as [
    (typeof people)[0],
    (typeof people)[0],
    (typeof people)[0],
  ]
  for (const person of people) {
    await person.page.goto(`${stage.origin}/w/${slug}/claim`)
    await expect(heading(person.page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
    await expect(heading2(person.page, 'Request more')).toBeHidden()
  }
  const hashes = [
    await spend(first.context, stage, 0.055),
    await spend(second.context, stage, 0.055),
    await spend(third.context, stage, 0.055),
  ]
  for (const person of people)
    await expect(async () => {
      await wake(person.page)
      await expect(heading2(person.page, 'Request more')).toBeVisible({ timeout: 1_000 })
    }).toPass({ timeout: 60_000 })
  expect(await problemsOf(first.page, 'a key that runs low')).toEqual([])

  // One without a script, whose page with one stands beside it.
  const bare = await browser.newContext({ javaScriptEnabled: false })
  await signInTo(bare, stage.origin, attendee(151).login)
  const form = await bare.newPage()
  await form.goto(`${stage.origin}/w/${slug}/claim`)
  await request(form, '0.05', 'A <b>longer</b> run')
  await expect(form.getByText('You requested $0.05 more')).toBeVisible()
  await request(second.page, '0.02', 'One more experiment')
  await request(third.page, '5.9', 'A lot')
  // Two tabs of one person: the second is told.
  const repeated = await form.request.post(`${stage.origin}/w/${slug}/claim/more`, {
    form: { amount: '1', why: 'Twice' },
    headers: { Origin: stage.origin },
  })
  expect(repeated.status()).toBe(409)

  await signIn('admin')
  await page.goto('/admin')
  await page.getByRole('link', { name: 'Requests (3)' }).click()
  await expect(heading(page, 'Requests for a higher limit')).toBeVisible()
  await expect(page.getByText('A <b>longer</b> run')).toBeVisible()
  expect(await problemsOf(page, 'requests')).toEqual([])
  await page.setViewportSize({ width: 320, height: 640 })
  expect(await problemsOf(page, 'requests at 320 px')).toEqual([])
  await page.getByLabel(`Select the request of ${first.name}`).check()
  await page.getByLabel(`Select the request of ${second.name}`).check()
  await page.getByLabel('Another amount for each, in USD').fill('0.04')
  await page.getByRole('button', { name: 'Approve the selected' }).click()
  await expect(page.getByText('2 requests were approved.')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Requests (1)' })).toBeVisible()
  // A page that has not heard of the request yet asks every half minute.
  for (const person of [second, first])
    await expect(person.page.getByText('You have $0.04 more')).toBeVisible({ timeout: 45_000 })
  await expect
    .poll(async () => {
      const keys = await upstreamKeys(page, stage, slug)
      return hashes.map((hash) => keys.find((key) => key.hash === hash)?.limit)
    })
    .toEqual([0.1, 0.1, 0.06])

  // More than the pool holds stays open, and is refused then.
  await page.getByLabel(`Select the request of ${third.name}`).check()
  await page.getByRole('button', { name: 'Approve the selected' }).click()
  await expect(page.getByText('The pool has no room for 1 request')).toBeVisible()
  await page.getByRole('button', { name: 'Refuse the selected' }).click()
  await expect(page.getByText('1 request was refused.')).toBeVisible()
  await expect(third.page.getByText('Your request was refused')).toBeVisible({ timeout: 20_000 })
  for (const { context } of [...people, { context: bare }]) await context.close()
})

const heading2 = (page: Page, name: string) => page.getByRole('heading', { level: 2, name })

async function request(page: Page, amount: string, why: string) {
  await page.getByLabel('More, in USD').fill(amount)
  await page.getByLabel('What for').fill(why)
  await page.getByRole('button', { name: 'Send the request' }).click()
  await expect(page).toHaveURL(new RegExp(`/w/${slug}/claim$`))
}

test('the wall fits its screen, names nobody, follows a claim, and says when it is stale', async ({
  browser,
  stage,
}) => {
  test.setTimeout(120_000)
  const context = await browser.newContext()
  await signInTo(context, stage.origin, 'admin')
  const [stranger, person] = [await browser.newContext(), await browser.newContext()]
  const problems: string[] = []
  const seen = await stranger.newPage()
  for (const colorScheme of ['light', 'dark'] as const)
    for (const viewport of [
      { width: 1280, height: 720 },
      { width: 1920, height: 1080 },
      { width: 320, height: 640 },
    ]) {
      await seen.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await seen.setViewportSize(viewport)
      await seen.goto(`${stage.origin}/w/${slug}/live`)
      problems.push(...(await problemsOf(seen, `wall ${viewport.width} ${colorScheme}`)))
      if (viewport.width === 320) continue
      const { height, smallest } = await measure(seen)
      expect(height).toBeLessThanOrEqual(viewport.height)
      expect(smallest).toBeGreaterThanOrEqual(0.0199 * viewport.width)
    }
  expect(problems).toEqual([])
  // Neither carries the scripts of the router.
  for (const path of [`/w/${slug}`, `/w/${slug}/live`])
    expect(await (await seen.request.get(stage.origin + path)).text()).not.toContain('__remix')
  // The share is for everybody, as the file says; the amounts are for staff.
  await expect(seen.getByText(/^\d+ % of the pool is spent\./)).toBeVisible()
  const wall = await context.newPage()
  await wall.goto(`${stage.origin}/w/${slug}/live`)
  await expect(wall.getByText(/ % of the pool is spent: \$[\d.]+ of \$6\.00/)).toBeVisible()
  await expect(wall.getByRole('banner')).toBeHidden()

  const claimed = () => wall.locator('.wall-number').nth(1).innerText()
  const before = Number(await claimed())
  await signInTo(person, stage.origin, attendee(154).login)
  await claimOverHttp(person, stage.origin, slug)
  await expect.poll(async () => Number(await claimed()), { timeout: 20_000 }).toBe(before + 1)
  expect(await wall.content()).not.toContain(attendee(154).name)

  await context.setOffline(true)
  await expect(wall.getByText(/^Not live: this was true/)).toBeVisible({ timeout: 30_000 })
  await context.setOffline(false)
  await expect(wall.getByText('Live', { exact: true })).toBeVisible({ timeout: 30_000 })
  for (const one of [context, stranger, person]) await one.close()
})

const measure = (page: Page) =>
  page.evaluate(() => {
    const texts = [...document.querySelectorAll('main *')].filter((element) =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
    )
    return {
      height: document.documentElement.scrollHeight,
      smallest: Math.min(...texts.map((element) => parseFloat(getComputedStyle(element).fontSize))),
    }
  })

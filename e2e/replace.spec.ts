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

const slug = 'second-room'
const replaceButton = { name: 'Replace key' }

// The old one is refused, the new one has what was left, and a second time must wait.
test('a leaked key is replaced from its own page', async ({ page, context, signIn, stage }) => {
  test.setTimeout(180_000)
  await signIn(attendee(60).login)
  await claimOverHttp(context, stage.origin, slug)
  const leaked = await revealOverHttp(context, stage.origin, slug)
  const chat = (key: string) =>
    page.request.post(`${stage.openrouter.baseUrl}/chat/completions`, {
      headers: { Authorization: `Bearer ${key}` },
      data: {
        model: 'openai/gpt-5-nano',
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 5,
      },
    })
  const [old] = (await upstreamKeys(page, stage, slug)).filter(({ key }) => key === leaked)
  await page.request.post(`${stage.openrouter.root}/__sim/spend`, {
    data: { hash: old?.hash, usd: 0.02 },
  })

  await page.goto(`/w/${slug}/claim`)
  await expect(page.getByRole('button', replaceButton)).toBeHidden()
  await page.getByText('Replace a leaked key').click()
  await page.getByRole('button', replaceButton).click()
  await expect(page).toHaveURL(new RegExp(`/w/${slug}/claim$`))
  await expect(heading(page, 'Your new key is ready')).toBeVisible({ timeout: 20_000 })
  await expect(page.getByText('Your budget follows in about a minute')).toBeVisible({
    timeout: 20_000,
  })
  const fresh = await revealOverHttp(context, stage.origin, slug)
  expect(fresh).not.toBe(leaked)
  expect((await chat(leaked)).status()).toBe(401)
  // Two readings of the old key, half a minute apart, free what is left of it.
  const card = page.getByRole('region', { name: 'Key card' })
  await expect(card).toContainText('left of $0.06', { timeout: 120_000 })
  await expect(card).toContainText('$0.04')
  expect((await chat(fresh)).status()).toBe(200)
  const [now] = (await upstreamKeys(page, stage, slug)).filter(({ key }) => key === fresh)
  expect(now?.limit).toBe(0.04)

  await page.getByText('Replace a leaked key').click()
  await page.getByRole('button', replaceButton).click()
  await expect(heading(page, 'We did not replace your key')).toBeVisible()
  await expect(page.getByText('once in 10 minutes')).toBeVisible()
  // What leaked can be disabled at once.
  await page.getByRole('button', { name: 'Disable it now and give it back' }).click()
  await expect(page).toHaveURL(/\/me\?done=/)
  await expect.poll(async () => (await chat(fresh)).status(), { timeout: 20_000 }).toBe(401)
})

test('without a script, and on a phone, a key can be replaced', async ({ browser, stage }) => {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 375, height: 700 },
  })
  await signInTo(context, stage.origin, attendee(61).login)
  await claimOverHttp(context, stage.origin, slug)
  const leaked = await revealOverHttp(context, stage.origin, slug)
  const page = await context.newPage()
  await page.goto(`${stage.origin}/w/${slug}/claim`)
  await page.getByText('Replace a leaked key').click()
  await page.getByRole('button', replaceButton).click()
  await expect
    .poll(() => revealOverHttp(context, stage.origin, slug), { timeout: 20_000 })
    .not.toBe(leaked)
  await page.reload()
  await expect(heading(page, 'Your new key is ready')).toBeVisible()
  const [old] = (await upstreamKeys(page, stage, slug)).filter(({ key }) => key === leaked)
  expect((old as { disabled?: boolean } | undefined)?.disabled).toBe(true)
  await context.close()
})

test('a post without the confirmation of the page replaces nothing', async ({
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(62).login)
  await claimOverHttp(context, stage.origin, slug)
  const key = await revealOverHttp(context, stage.origin, slug)
  const answer = await context.request.post(`${stage.origin}/w/${slug}/claim/replace`, {
    form: {},
    headers: { Origin: stage.origin },
    maxRedirects: 0,
  })
  expect(answer.status()).toBe(303)
  expect(await revealOverHttp(context, stage.origin, slug)).toBe(key)
})

/** A key for a CI: an owner makes it for a service account, and it outlives that owner's membership. */
import { expect, heading, test, upstreamKeys } from './fixtures'
import { depositOpenRouter, joinTeam, makeTeam, personAt, post, userIdOf } from './team-pages'

test('a service account’s key is made, shown and used, and works on when its maker is removed', async ({
  browser,
  stage,
  request,
}) => {
  test.setTimeout(180_000)
  const [maker, other] = [await personAt(browser, stage, 63), await personAt(browser, stage, 64)]
  const { origin } = stage
  const slug = 'machine-team'
  const { page } = maker
  await makeTeam(other.page.context(), stage, { name: 'Machine team', slug })
  await depositOpenRouter(other.page.context(), stage, slug)
  await joinTeam(other.page.context(), page.context(), stage, slug, 'owner')

  // The way there is the members page. A name that is taken is refused at its field.
  await page.goto(`${origin}/t/${slug}/members`)
  await page.getByRole('link', { name: 'Service accounts' }).click()
  await expect(page.getByText('No service account yet')).toBeVisible()
  const make = async (name: string, budget: string) => {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Budget a month, in USD (optional)').fill(budget)
    await page.getByRole('button', { name: 'Make the service account' }).click()
  }
  await make('CI', '5')
  await expect(heading(page, 'CI')).toBeVisible()
  await expect(page.getByText('$5.00 free of $5.00')).toBeVisible()
  const account = page.url()
  await page.goto(`${origin}/t/${slug}/service-accounts`)
  await make('ci', '')
  await expect(page.getByText('Another service account of this team has this name.')).toBeVisible()
  await expect(page.getByLabel('Name')).toHaveValue('ci')

  // More than the first budget: the cap says what is free, then the budget is raised.
  await page.goto(account)
  await page.getByLabel('Budget a month, in USD', { exact: true }).fill('30')
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.getByRole('region', { name: 'Change the budget' }).getByLabel('Reason').fill('builds')
  await page.getByRole('button', { name: 'Set the budget to $30.00' }).click()
  await expect(page.getByText('$30.00 free of $30.00')).toBeVisible()
  await page.getByRole('link', { name: 'Make a key', exact: true }).last().click()
  await expect(heading(page, 'Make a key for CI')).toBeVisible()
  await page.getByLabel('Purpose').fill('builds of main')
  await page.getByLabel('Cap in USD').fill('31')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(page.getByText('The budget of the service account is not enough.')).toBeVisible()
  await page.getByLabel('Cap in USD').fill('20')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await expect(heading(page, '“builds of main” is ready')).toBeVisible({ timeout: 30_000 })
  const key = page.url()
  await page.getByRole('button', { name: 'Show key' }).click()
  await expect(page.getByRole('button', { name: 'Hide key' })).toBeVisible()
  const secret = await page.locator('#key-text').innerText()
  expect(
    (await upstreamKeys(page, stage, `team.${slug}`)).find(({ key }) => key === secret),
  ).toMatchObject({ limit: 20 })
  const call = () =>
    request.post(`${stage.openrouter.baseUrl}/chat/completions`, {
      headers: { Authorization: `Bearer ${secret}` },
      data: { model: 'openai/gpt-5-nano', messages: [{ role: 'user', content: 'hi' }] },
    })
  expect((await call()).status()).toBe(200)
  await page.getByRole('button', { name: 'Test this key' }).click()
  await expect(page.getByText('The key works')).toBeVisible()
  await expect(page.getByText('OpenRouter has it enabled, and $20.00 of its cap')).toBeVisible()

  // The other owner removes who made it. The key works, and only owners can still show it.
  const removed = await post(
    other.page.context(),
    stage,
    `/t/${slug}/members/${encodeURIComponent(await userIdOf(stage, maker.login))}`,
    { intent: 'remove', reason: 'another job' },
  )
  expect(removed.status(), await removed.text()).toBe(303)
  expect((await call()).status()).toBe(200)
  expect((await page.goto(key))?.status()).toBe(404)
  await other.page.goto(key)
  await expect(other.page.getByText('This key belongs to the service account CI.')).toBeVisible()
  await other.page.getByRole('button', { name: 'Show key' }).click()
  await expect(other.page.locator('#key-text')).toHaveText(secret)
  await other.page.goto(`${origin}/t/${slug}/audit`)
  const events = other.page.getByRole('main')
  await expect(events).toContainText(maker.name)
  await expect(events).toContainText('made the service account')
  await expect(events).toContainText('for the service account: CI')

  // Closing it ends the key.
  await other.page.goto(account)
  await other.page.getByText('Close it for good').click()
  await other.page.getByLabel('Reason').last().fill('no more builds')
  await other.page.getByRole('button', { name: 'Close CI' }).click()
  await expect(other.page.getByText('No service account yet')).toBeVisible()
  await expect.poll(async () => (await call()).status(), { timeout: 30_000 }).toBe(401)
})

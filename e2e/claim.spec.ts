import type { Page } from '@playwright/test'
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
import type { Stage } from './stage'

test('a person claims, watches, copies, uses the key until its cap, and is told that it is spent', async ({
  page,
  context,
  browser,
  signIn,
  stage,
}) => {
  const me = attendee(10)
  const bodies = collectBodies(page, stage.origin)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stage.origin })
  await signIn(me.login)
  await page.goto('/')
  await page.getByRole('link', { name: 'The open workshop' }).click()
  await page.getByRole('checkbox', { name: 'Tell me about the next workshop' }).check()
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(page).toHaveURL(/\/w\/open-room\/claim$/)
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  await expect(page).toHaveTitle(/^Ready – The open workshop/)
  const card = page.getByRole('region', { name: 'Key card' })
  await expect(card).toContainText(me.name)
  await expect(card).toContainText('$0.06')

  // Until it is asked for, the key has not left the server.
  const cardText = (await card.textContent()) ?? ''
  const upstream = (await upstreamKeys(page, stage, 'open-room')).find(({ label }) =>
    cardText.includes(label),
  )
  const secrets = (await upstreamKeys(page, stage)).map(({ key }) => key)
  expect(secrets.length).toBeGreaterThan(0)
  for (const { url, body } of await bodies())
    for (const secret of secrets) expect(body.includes(secret), `${url} holds a key`).toBe(false)

  await page.getByRole('button', { name: 'Copy key' }).click()
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  expect(secrets).toContain(copied)
  await expect(card).not.toContainText(copied)

  await page.getByRole('button', { name: 'Show key' }).click()
  await expect(card).toContainText(copied)
  await page.getByRole('button', { name: 'Hide key' }).click()
  await expect(card).not.toContainText(copied)
  expect(upstream?.guardrail_id).not.toBeNull()

  await page.getByRole('button', { name: 'Test my key' }).click()
  await expect(page.getByText('Your key works', { exact: true })).toBeVisible()

  // A snippet copied with the key holds it, and the page still does not.
  await page.getByRole('button', { name: 'Copy with my key: .env' }).click()
  await expect(page.getByRole('button', { name: 'Copied: .env' })).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(
    `OPENAI_API_KEY=${copied}`,
  )
  expect(await page.content()).not.toContain(copied)

  await spendAll(page, stage, copied)
  const refused = await chat(page, stage, copied, 'One more, please.', 1)
  expect(refused.status()).toBe(403)
  expect(await refused.text()).toContain('Key limit exceeded')
  const wrongModel = await page.request.post(`${stage.openrouter.baseUrl}/chat/completions`, {
    headers: { Authorization: `Bearer ${copied}` },
    data: { model: 'openai/gpt-5.2', messages: [{ role: 'user', content: 'hi' }], max_tokens: 1 },
  })
  expect(wrongModel.status()).toBe(404)

  // What the test has read is on the page without a reload.
  await page.getByRole('button', { name: 'Test my key' }).click()
  await expect(page.getByText('Valid, but spent', { exact: true })).toBeVisible()
  await expect(heading(page, 'Your key is spent')).toBeVisible()
  await expect(card).toContainText('$0.00')
  await expect(card).toContainText('left of $0.06')
  await expect(card).toHaveAttribute('data-look', 'spent')
  await expect(page.getByText('This key has spent its budget')).toBeVisible()

  // A second device of the same person.
  const phone = await browser.newContext()
  await signInTo(phone, stage.origin, me.login)
  const second = await phone.newPage()
  await second.goto(`${stage.origin}/w/open-room/claim`)
  await expect(heading(second, 'Your key is spent')).toBeVisible()
  await expect(second.getByRole('region', { name: 'Key card' })).toContainText(
    upstream?.label ?? '',
  )
  expect(await revealOverHttp(phone, stage.origin, 'open-room')).toBe(copied)
  await phone.close()
})

test('a usage reading by the worker reaches the page without anybody asking', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  test.slow()
  await signIn(attendee(11).login)
  await claimOverHttp(context, stage.origin, 'second-room')
  const key = await revealOverHttp(context, stage.origin, 'second-room')
  expect((await chat(page, stage, key, '1000 tokens', 1000)).status()).toBe(200)
  // The account is read once a minute.
  await expect
    .poll(
      async () => {
        await page.goto('/w/second-room/claim')
        return page.getByRole('region', { name: 'Budget' }).innerText()
      },
      { timeout: 100_000, intervals: [2_000] },
    )
    .toMatch(/\$0\.0(2|15)\S* spent/)
})

test('a double click and a second tab make one claim and one key', async ({
  page,
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(12).login)
  const before = (await upstreamKeys(page, stage, 'open-room')).length
  const other = await context.newPage()
  await Promise.all([page.goto('/w/open-room'), other.goto('/w/open-room')])
  await Promise.all([
    page.getByRole('button', { name: 'Claim my key' }).dblclick(),
    other.getByRole('button', { name: 'Claim my key' }).click(),
  ])
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  await expect(heading(other, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  expect((await upstreamKeys(page, stage, 'open-room')).length).toBe(before + 1)
})

test('a claim goes on without its page: closed, reloaded and opened elsewhere it shows the same', async ({
  page,
  context,
  signIn,
  faults,
  stage,
}) => {
  await faults({ latencyMs: 1_500 })
  await signIn(attendee(13).login)
  await page.goto('/w/open-room')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(page.getByText('You can close this page')).toBeVisible()
  await expect(page.getByRole('listitem').filter({ hasText: 'Making your key' })).toBeVisible()
  const reference =
    (await page.getByRole('region', { name: 'Key card' }).innerText()).match(
      /No\. ([0-9A-F]{8})/,
    )?.[1] ?? 'no reference'
  await page.close()
  const second = await context.newPage()
  await second.goto(`${stage.origin}/w/open-room/claim`)
  await expect(second.getByText(`No. ${reference}`)).toBeVisible()
  await expect(heading(second, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
})

test('a claim that the provider refuses for good says so, and an admin can try again', async ({
  page,
  browser,
  signIn,
  faults,
  stage,
  request,
}) => {
  await faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, message: 'no' }] })
  await signIn(attendee(14).login)
  await page.goto('/w/doomed-room')
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(heading(page, /The provider refused|A model is not available/)).toBeVisible({
    timeout: 20_000,
  })
  await request.delete(stage.openrouter.faultsUrl)

  const staff = await browser.newContext()
  await signInTo(staff, stage.origin, 'admin')
  const admin = await staff.newPage()
  const adminUrl = '/admin/w/doomed-room'
  await admin.goto(`${stage.origin}${adminUrl}?state=refused`)
  await admin.getByRole('link', { name: attendee(14).name }).click()
  await admin.getByRole('button', { name: 'Create the key again' }).click()
  await admin.getByRole('button', { name: 'Create the key again' }).click()
  await expect(heading(admin, 'Creating keys')).toBeVisible()
  await expect(admin.getByText('Creating keys: Finished.')).toBeVisible({ timeout: 20_000 })
  await page.goto('/w/doomed-room/claim')
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  await staff.close()
})

test('whoever posts for a key that they do not have gets a page that says so', async ({
  context,
  signIn,
  stage,
}) => {
  await signIn(attendee(179).login)
  const claim = '/w/open-room/claim'
  const post = (what: string, form: Record<string, string> = {}) =>
    context.request.post(`${stage.origin}${claim}/${what}`, {
      form,
      headers: { Origin: stage.origin },
      maxRedirects: 0,
    })
  for (const [what, status, sentence] of [
    ['test', 404, 'There is no key to test'],
    ['reveal', 404, 'There is no key to show'],
    ['replace', 409, 'We did not replace your key'],
    ['more', 409, 'We did not send your request'],
  ] as const) {
    const answer = await post(what, { confirm: 'yes', amount: '1', why: 'x' })
    expect([what, answer.status()]).toEqual([what, status])
    expect(await answer.text()).toContain(sentence)
  }
  for (const what of ['go-on', 'keep'])
    expect((await post(what, { hold: 'none' })).headers().location).toBe(claim)
})

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false })

  test('sign in, claim, check again, show, test and sign out all work', async ({
    page,
    faults,
    request,
    stage,
  }) => {
    await faults({ latencyMs: 1_200 })
    const me = attendee(20)
    await page.goto('/w/open-room')
    await page.getByRole('button', { name: 'Continue with GitHub' }).click()
    await page.getByRole('button', { name: me.login }).first().click()
    await page.getByRole('button', { name: 'Claim my key' }).click()
    await expect(page).toHaveURL(/\/w\/open-room\/claim$/)
    await expect(page.getByRole('listitem').filter({ hasText: 'Making your key' })).toBeVisible()
    await expect(page.getByRole('link', { name: 'Check every 10 seconds' })).toBeVisible()
    await request.delete(stage.openrouter.faultsUrl)
    await expect(async () => {
      const check = page.getByRole('link', { name: 'Check again' })
      if (await check.isVisible()) await check.click()
      else await page.reload()
      await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 500 })
    }).toPass({ timeout: 20_000 })

    await page.getByRole('button', { name: 'Show key' }).click()
    await expect(heading(page, 'Your key')).toBeVisible()
    const shown = await page.getByRole('main').innerText()
    const mine = (await upstreamKeys(page, stage, 'open-room')).filter(({ key }) =>
      shown.includes(key),
    )
    expect(mine).toHaveLength(1)
    expect(page.url()).not.toContain(mine[0]?.key)
    await page.getByRole('link', { name: 'Hide the key and go back' }).click()
    await page.getByRole('button', { name: 'Test my key' }).click()
    await expect(page.getByText('Your key works', { exact: true })).toBeVisible()
    await page.getByRole('link', { name: 'Back to your key' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.goto('/me')
    await expect(page).toHaveURL(/\/sign-in/)
  })
})

/** Every answer of our own site to this page, as text. */
function collectBodies(page: Page, origin: string): () => Promise<{ url: string; body: string }[]> {
  const pending: Promise<{ url: string; body: string }>[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(origin) && response.status() < 300)
      pending.push(
        response
          .text()
          .catch(() => '')
          .then((body) => ({ url: response.url(), body })),
      )
  })
  return () => Promise.all(pending)
}

function chat(page: Page, stage: Stage, key: string, content: string, maxTokens: number) {
  return page.request.post(`${stage.openrouter.baseUrl}/chat/completions`, {
    headers: { Authorization: `Bearer ${key}` },
    data: {
      model: 'anthropic/claude-sonnet-4.6',
      messages: [{ role: 'user', content }],
      max_tokens: maxTokens,
    },
  })
}

/**
 * Spends a cap of $0.06 to the last nano-dollar by real calls. One prompt token costs 3000 nano,
 * one token of an answer five times that, so the cap is 20 000 units; the last call is padded to
 * take exactly what is left.
 */
async function spendAll(page: Page, stage: Stage, key: string): Promise<void> {
  let left = 20_000
  while (left > 0) {
    const isLast = left < 8_000
    const answerTokens = isLast ? Math.floor((left - 12) / 5) : 1_000
    const promptTokens = isLast ? left - answerTokens * 5 : 7
    const answer = await chat(
      page,
      stage,
      key,
      `${answerTokens} tokens`.padEnd((promptTokens - 4) * 4, '.'),
      answerTokens,
    )
    expect(answer.status(), await answer.text()).toBe(200)
    const { usage } = (await answer.json()) as {
      usage: { prompt_tokens: number; completion_tokens: number }
    }
    left -= usage.prompt_tokens + usage.completion_tokens * 5
  }
  expect(left).toBe(0)
}

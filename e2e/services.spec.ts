/** The journey of a member with 100 USD: 20 for models, 30 for storage, 5 for a machine, 10 for an own proxy. */
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { APIRequestContext, Page } from '@playwright/test'
import { expect, heading, queryDatabase, test, upstreamKeys } from './fixtures'
import type { Stage } from './stage'
import {
  depositOpenRouter,
  joinTeam,
  makeTeam,
  personAt,
  setBudget,
  spendAt,
  userIdOf,
} from './team-pages'

const slug = 'four-services'

/** Makes a key by the page, at the credential of this service, and returns the address of its page. */
async function make(
  page: Page,
  stage: Stage,
  wish: { service: string; purpose: string; cap: string; button: string },
): Promise<string> {
  await page.goto(`${stage.origin}/t/${slug}/store`)
  const choice = page.getByRole('link', { name: new RegExp(`^${wish.service}`) })
  if ((await choice.count()) > 0) await choice.click()
  await expect(page.getByRole('strong').filter({ hasText: wish.service })).toBeVisible()
  await page.getByLabel('Purpose').fill(wish.purpose)
  await page.getByLabel('Cap in USD').fill(wish.cap)
  await page.getByRole('button', { name: wish.button }).click()
  await expect(heading(page, `“${wish.purpose}” is ready`)).toBeVisible({ timeout: 60_000 })
  return page.url()
}

/** What the page shows of a secret, part by part. */
async function reveal(page: Page): Promise<Record<string, string>> {
  await page.getByRole('button', { name: 'Show key' }).click()
  await expect(page.getByRole('button', { name: 'Hide key' })).toBeVisible()
  const parts = page.locator('dl div', { has: page.locator('dd.select-all') })
  return Object.fromEntries(
    await Promise.all(
      (await parts.all()).map(
        async (part) =>
          [await part.locator('dt').innerText(), await part.locator('dd').innerText()] as const,
      ),
    ),
  )
}

/** A secret of one text, which its page only copies. */
async function revealOneText(page: Page, stage: Stage): Promise<string> {
  const answer = await page.request.post(`${page.url()}/reveal`, {
    headers: { Origin: stage.origin, Accept: 'application/json' },
  })
  return ((await answer.json()) as { key: string }).key
}

/** One answer of a model, paid by this key. */
async function chat(
  request: APIRequestContext,
  url: string,
  { model, key }: { model: string; key: string },
): Promise<void> {
  const answer = await request.post(url, {
    data: { model, messages: [{ role: 'user', content: 'Hello' }] },
    headers: { Authorization: `Bearer ${key}` },
  })
  expect(answer.status(), await answer.text()).toBe(200)
}

/** Every dollar that was allocated is committed, spent or free, and none is missing. */
async function expectBalanced(stage: Stage): Promise<void> {
  const wrong = await queryDatabase(
    stage,
    `select b.* from keymint.budget_months b join keymint.teams t on t.id = b.team_id
      where t.slug = $1 and b.allocated_usd <> b.committed_usd + b.spent_usd + b.free_usd`,
    [slug],
  )
  expect(wrong).toEqual([])
}

/** An hour has passed since the last reading of this key, by its row and by its meter. */
const letAnHourPass = (stage: Stage, purpose: string) =>
  queryDatabase(
    stage,
    `update keymint.keys k set read_at = read_at - interval '1 hour', next_read_at = now(),
        meter = jsonb_set(meter::jsonb, '{at}', to_jsonb((meter::jsonb ->> 'at')::bigint - 3600000))::text
      from keymint.api_keys a where a.id = k.holder_id and a.purpose = $1 returning k.id`,
    [purpose],
  )

/** So much stored costs 33 USD in an hour at the price of the vault's form. */
const large = Math.round((33 / 0.023) * 2 ** 30 * 730)

async function postJson(page: Page, url: string, data: object): Promise<void> {
  const answer = await page.request.post(url, { data })
  expect(answer.ok(), await answer.text()).toBe(true)
}

test('a member puts 20 into OpenRouter, 10 into LiteLLM, 30 into S3 and 5 into a machine', async ({
  browser,
  stage,
  request,
}) => {
  test.setTimeout(400_000)
  const owner = await personAt(browser, stage, 22)
  const ada = await personAt(browser, stage, 23)
  await makeTeam(owner.page.context(), stage, { name: 'Four services', slug })
  await joinTeam(owner.page.context(), ada.page.context(), stage, slug)
  await setBudget(owner.page.context(), stage, slug, await userIdOf(stage, ada.login), '100')
  await depositOpenRouter(owner.page.context(), stage, slug)

  // The vault asks for what each service declares.
  await owner.page.goto(`${stage.origin}/t/${slug}/vault`)
  await owner.page.locator('summary', { hasText: /^S3$/ }).click()
  const s3Form = owner.page.locator('details', { has: owner.page.getByText('S3', { exact: true }) })
  await s3Form.getByLabel('Access key ID').fill(stage.aws.accessKeyId)
  await s3Form.getByLabel('Secret access key').fill(stage.aws.secretAccessKey)
  await s3Form.getByLabel('Bucket').fill(stage.aws.bucket)
  await s3Form.getByLabel('S3 address (optional)').fill(stage.aws.baseUrl)
  await s3Form.getByRole('button', { name: 'Add to the vault' }).click()
  await expect(owner.page.getByText('The credential is verified and sealed')).toBeVisible()
  expect(await owner.page.content()).not.toContain(stage.aws.secretAccessKey)
  await owner.page.locator('summary', { hasText: /^LiteLLM$/ }).click()
  const litellmForm = owner.page.locator('details', {
    has: owner.page.getByText('LiteLLM', { exact: true }),
  })
  await litellmForm.getByLabel('Address').fill(stage.litellm.baseUrl)
  await litellmForm.getByLabel('LiteLLM credential').fill(stage.litellm.masterKey)
  await litellmForm.getByRole('button', { name: 'Add to the vault' }).click()
  await expect(owner.page.getByText('The credential is verified and sealed')).toBeVisible()
  await owner.page.locator('summary', { hasText: /^RunPod$/ }).click()
  const runpodForm = owner.page.locator('details', {
    has: owner.page.getByText('RunPod', { exact: true }),
  })
  await runpodForm.getByLabel('RunPod API key').fill(stage.runpod.apiKey)
  await runpodForm.getByLabel('Address (optional)').fill(stage.runpod.baseUrl)
  await runpodForm.getByLabel('Address of a machine').fill(stage.runpod.proxyUrl)
  await runpodForm.getByRole('button', { name: 'Add to the vault' }).click()
  await expect(owner.page.getByText('The credential is verified and sealed')).toBeVisible()

  const { page } = ada
  await make(page, stage, {
    service: 'OpenRouter',
    purpose: 'models',
    cap: '20',
    button: 'Make the key',
  })
  const [models] = await upstreamKeys(page, stage, `team.${slug}`)
  expect(models).toMatchObject({ limit: 20 })
  await chat(request, `${stage.openrouter.baseUrl}/chat/completions`, {
    model: 'openai/gpt-5-nano',
    key: await revealOneText(page, stage),
  })
  await spendAt(request, stage, models!.hash, 3)

  await make(page, stage, {
    service: 'LiteLLM',
    purpose: 'own models',
    cap: '10',
    button: 'Make the key',
  })
  await chat(request, `${stage.litellm.baseUrl}/chat/completions`, {
    model: 'gpt-5-nano',
    key: await revealOneText(page, stage),
  })
  await expectBalanced(stage)

  const storage = await make(page, stage, {
    service: 'S3',
    purpose: 'storage',
    cap: '30',
    button: 'Make the key',
  })
  const secret = await reveal(page)
  const s3 = new S3Client({
    region: secret['Region']!,
    endpoint: secret['Address']!,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: {
      accessKeyId: secret['Access key ID']!,
      secretAccessKey: secret['Secret access key']!,
    },
  })
  const Bucket = secret['Bucket']!
  const folder = secret['Folder']!
  const note = { Bucket, Key: `${folder}note.txt` }
  await s3.send(new PutObjectCommand({ ...note, Body: 'hello' }))
  const read = await s3.send(new GetObjectCommand(note))
  expect(await read.Body!.transformToString()).toBe('hello')
  await expect(
    s3.send(new PutObjectCommand({ Bucket, Key: 'elsewhere/note.txt', Body: 'x' })),
  ).rejects.toMatchObject({ name: 'AccessDenied' })

  const machine = await make(page, stage, {
    service: 'RunPod',
    purpose: 'machine',
    cap: '5',
    button: 'Make the machine',
  })
  await expect(page.getByText(/an hour: Keymint ends this machine at its cap/)).toBeVisible()
  const rented = await reveal(page)
  const status = `${rented['Address']!}api/status?token=${rented['Password']!}`
  expect((await page.request.get(status)).status()).toBe(200)
  await page.goto(`${stage.origin}/t/${slug}/store`)
  await expect(page.getByRole('region', { name: 'Your budget' })).toContainText('of $100.00')
  await expectBalanced(stage)

  // So much is stored that the cap is passed: disabled at the next reading, and its holder told.
  await postJson(page, `${stage.aws.baseUrl}/__sim/objects`, { key: `${folder}large`, size: large })
  await letAnHourPass(stage, 'storage')
  await expect
    .poll(
      async () => {
        await page.goto(storage)
        return page.getByText('Stopped: its cap of $30.00 is reached').count()
      },
      { timeout: 150_000, intervals: [2_000] },
    )
    .toBe(1)
  await expect(s3.send(new GetObjectCommand(note))).rejects.toBeDefined()
  await expectBalanced(stage)

  // The member deletes the object; a raise goes on from what was spent.
  await postJson(page, `${stage.aws.baseUrl}/__sim/objects`, { key: `${folder}large`, size: 0 })
  await page.getByLabel('New cap in USD').fill('60')
  await page.getByRole('button', { name: 'Preview' }).click()
  await page
    .getByRole('region', { name: 'Change the cap' })
    .getByLabel('Reason')
    .fill('more storage')
  await page.getByRole('button', { name: 'Change the cap to $60.00' }).click()
  await expect
    .poll(
      () =>
        s3.send(new GetObjectCommand(note)).then(
          () => 'served',
          () => 'refused',
        ),
      {
        timeout: 60_000,
      },
    )
    .toBe('served')

  // The machine's minute comes: what it costs an hour is raised instead of waiting for it.
  await queryDatabase(
    stage,
    `update keymint.keys k set per_hour_usd = 100000, cap_due_at = now() from keymint.api_keys a
      where a.id = k.holder_id and a.purpose = $1 returning k.id`,
    ['machine'],
  )
  await expect
    .poll(async () => (await page.request.get(status)).status(), { timeout: 60_000 })
    .toBe(404)
  await page.goto(machine)
  await expect(page.getByText('Its cap was spent.')).toBeVisible()
  await expectBalanced(stage)

  await owner.page.goto(`${stage.origin}/t/${slug}/audit`)
  for (const told of ['stopped, because its cap was reached:', 'ended the key because its cap'])
    await expect(owner.page.getByText(told).first()).toBeVisible()
})

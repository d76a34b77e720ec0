/**
 * A tool is set up in one line: the phone that has claimed types the code, the laptop that works gets
 * the key.
 */
import AxeBuilder from '@axe-core/playwright'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { runScript } from '../tests/terminal'
import {
  attendee,
  claimOverHttp,
  expect,
  heading,
  revealOverHttp,
  signInTo,
  test,
} from './fixtures'

test('a phone claims, a laptop sets Claude Code up by the one line and gets an answer, and undoes it', async ({
  browser,
  request,
  stage,
}) => {
  test.slow()
  const phone = await browser.newContext({ viewport: { width: 375, height: 740 }, hasTouch: true })
  await signInTo(phone, stage.origin, attendee(198).login)
  const page = await phone.newPage()
  await page.goto(`${stage.origin}/w/open-room`)
  await page.getByRole('button', { name: 'Claim my key' }).click()
  await expect(heading(page, 'Your key is ready')).toBeVisible({ timeout: 20_000 })
  await page.locator('summary', { hasText: 'Claude Code' }).first().click()
  const line = await page.locator('#setup-claude-code').textContent()
  const [, address = '', tool = ''] = /^curl -fsS (\S+) \| node - (.+)$/.exec(line ?? '') ?? []
  expect([address, tool]).toEqual([`${stage.origin}/setup.mjs`, 'claude-code'])

  const home = await mkdtemp(path.join(tmpdir(), 'keymint-laptop-'))
  const file = path.join(home, '.claude/settings.json')
  const before = '{ "theme":"dark",\n\t"env": {"MINE": "1"} }'
  await mkdir(path.dirname(file))
  await writeFile(file, before)
  const script = await (await request.get(address)).text()
  const laptop = runScript(script, [tool], home)
  const code = await laptop.code()
  expect(laptop.output()).toContain(`${stage.origin}/me/setup`)

  await page.getByRole('link', { name: 'Set up a tool' }).click()
  await page.getByLabel('Code', { exact: true }).fill(code.toLowerCase())
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(heading(page, 'Does this computer get your key?')).toBeVisible()
  await expect(page.getByRole('main')).toContainText(hostname())
  await expect(page.getByRole('main')).toContainText('The open workshop')
  await expect(page.getByRole('main')).toContainText('Only type a code that you see')
  expect(page.url()).not.toContain(code)
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await page.getByRole('button', { name: 'Give it the key' }).click()
  await expect(page.getByRole('status')).toContainText('Approved')

  expect([await laptop.ended, laptop.output()]).toEqual([0, expect.stringContaining('Done.')])
  const settings = JSON.parse(await readFile(file, 'utf8')) as { env: Record<string, string> }
  const key = await revealOverHttp(phone, stage.origin, 'open-room')
  expect(settings.env).toMatchObject({ MINE: '1', ANTHROPIC_AUTH_TOKEN: key })
  expect(laptop.output()).not.toContain(key)
  expect(await page.content()).not.toContain(key)

  // As Claude Code asks with these settings.
  const answer = await request.post(`${settings.env.ANTHROPIC_BASE_URL}/v1/messages`, {
    headers: {
      Authorization: `Bearer ${settings.env.ANTHROPIC_AUTH_TOKEN}`,
      'anthropic-version': '2023-06-01',
    },
    data: {
      model: settings.env.ANTHROPIC_MODEL,
      max_tokens: 20,
      messages: [{ role: 'user', content: 'Say hello.' }],
    },
  })
  expect(answer.status()).toBe(200)
  expect(((await answer.json()) as { content: { text: string }[] }).content[0]?.text).toBeTruthy()

  const undone = runScript(script, [tool, '--undo'], home)
  expect(await undone.ended).toBe(0)
  expect(await readFile(file, 'utf8')).toBe(before)
  expect(existsSync(path.join(home, '.keymint'))).toBe(false)
  await rm(home, { recursive: true })
  await phone.close()
})

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled })

    test('a person with two keys picks one, refuses another terminal, and learns of a wrong code', async ({
      page,
      context,
      stage,
      signIn,
      request,
    }) => {
      await signIn(attendee(javaScriptEnabled ? 11 : 12).login)
      await claimOverHttp(context, stage.origin, 'open-room')
      await claimOverHttp(context, stage.origin, 'second-room')
      await revealOverHttp(context, stage.origin, 'open-room')
      const key = await revealOverHttp(context, stage.origin, 'second-room')
      // Another program than a browser names our origin, too; without it nothing is answered.
      const started = async () => {
        const answer = await request.post(`${stage.origin}/setup/start`, {
          headers: { Origin: stage.origin },
          form: { tool: 'codex', machine: 'A <b>laptop</b> \u202Ewith marks' },
        })
        return (await answer.json()) as { device: string; code: string }
      }
      const poll = async (device: string) => {
        const answer = await request.post(`${stage.origin}/setup/poll`, {
          headers: { Origin: stage.origin },
          form: { device },
        })
        return (await answer.json()) as { state: string; key?: string; reason?: string }
      }
      const type = async (code: string) => {
        await page.goto('/me/setup')
        await page.getByLabel('Code', { exact: true }).fill(code)
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      await type('BCDF-2345')
      await expect(page.getByRole('status')).toContainText('We do not know this code')
      await type('hello')
      await expect(page.getByRole('status')).toContainText('This is not a code')

      const first = await started()
      await type(first.code)
      await expect(page.getByRole('main')).toContainText('A <b>laptop</b> with marks')
      await page.getByRole('radio', { name: /The second workshop/ }).check()
      await page.getByRole('button', { name: 'Give it the key' }).click()
      await expect(page.getByRole('status')).toContainText('Approved')
      expect(await poll(first.device)).toMatchObject({ state: 'key', key })
      expect(await poll(first.device)).toMatchObject({ state: 'over', reason: 'used' })

      const second = await started()
      await type(second.code)
      await page.getByRole('button', { name: 'Refuse' }).click()
      await expect(page.getByRole('status')).toContainText('Refused')
      expect(await poll(second.device)).toMatchObject({ state: 'over', reason: 'refused' })

      const foreign = await request.post(`${stage.origin}/setup/start`, {
        headers: { Origin: 'https://evil.example' },
        form: { tool: 'codex', machine: 'x' },
      })
      expect(foreign.status()).toBe(403)
    })
  })
}

test('where no keys are given out, a terminal is told so', async ({ request, stage }) => {
  const answer = await request.post(`${stage.offOrigin}/setup/start`, {
    headers: { Origin: stage.offOrigin },
    form: { tool: 'codex', machine: 'x' },
  })
  expect([answer.status(), await answer.json()]).toMatchObject([409, { reason: 'paused' }])
})

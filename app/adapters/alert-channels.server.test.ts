/** Each channel against a real receiver: what arrives, what its answers mean, and what is refused. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { alertSecret, alertsTo } from '../../tests/alert-receiver'
import { openReceiver } from '../../tests/receiver'
import { thisMachine } from '../../tests/this-machine'
import { createAlerts, ofDeployment, signedHeaders, type AlertPost } from './alert-channels.server'
import { createMailer } from './mail.server'
import { rememberSecrets } from './log.server'
import { createOutbound } from './outbound.server'

const post: AlertPost = {
  id: '0b1c8f6e-2f7a-4c39-9d39-3f0a7f6a5c11',
  event: 'raised',
  severity: 'error',
  createdAt: '2026-11-28T12:00:00.000Z',
  title: 'Error: DuckDB: nobody got a key for a minute',
  text: '0 of 2 have a key.',
  nextStep: 'Look for the cause on the Queue page.',
  url: 'https://keys.example.org/admin/w/duckdb',
  alert: { id: 'x', kind: 'no-keys' },
  items: [],
}
const webhook = { channel: 'webhook', address: ofDeployment } as const
const slack = { channel: 'slack', address: ofDeployment } as const

test('a webhook is signed over its time and its body, with every secret that is listed', async () => {
  await using receiver = await openReceiver()
  const older = 'an-older-secret-that-still-signs-1'
  const alerts = alertsTo(null, {
    webhook: { url: `${receiver.url}/hook`, secrets: [alertSecret, older] },
  })
  expect(await alerts.send(webhook, post)).toEqual({
    failure: null,
    mayRetry: false,
    status: 200,
    text: 'answer 200',
  })
  const [got] = receiver.received
  expect(got?.json).toEqual(post)
  expect(got?.headers).toMatchObject({
    'content-type': 'application/json',
    'keymint-delivery': post.id,
    'keymint-event': 'raised',
  })
  const [, seconds, first, second] =
    /^t=(\d+),v1=([0-9a-f]{64}),v1=([0-9a-f]{64})$/.exec(
      String(got?.headers['keymint-signature']),
    ) ?? []
  expect(Math.abs(Date.now() / 1000 - Number(seconds))).toBeLessThan(30)
  for (const [secret, signature] of [
    [alertSecret, first],
    [older, second],
  ] as const) {
    const own = createHmac('sha256', secret).update(`${seconds}.${got?.body}`).digest()
    expect(timingSafeEqual(own, Buffer.from(signature!, 'hex'))).toBe(true)
  }
})

test('the snippet of docs/alerts.md takes what is genuine and new, and nothing else', async () => {
  const [, code = ''] = /```js\n(.*?)```/s.exec(readFileSync('docs/alerts.md', 'utf8')) ?? []
  type Verify = (request: { headers: object; body: string }, secret: string) => boolean
  const { verify } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    verify: Verify
  }
  const body = JSON.stringify(post)
  const signed = (at: number) => signedHeaders([alertSecret], post, body, new Date(at))
  const headers = signed(Date.now())
  expect(verify({ headers, body }, 'another-secret-of-thirty-two-chars')).toBe(false)
  expect(verify({ headers, body: body.replace('error', 'ok') }, alertSecret)).toBe(false)
  expect(verify({ headers: signed(Date.now() - 6 * 60_000), body }, alertSecret)).toBe(false)
  expect(verify({ headers: {}, body }, alertSecret)).toBe(false)
  expect(verify({ headers, body }, alertSecret)).toBe(true)
})

test('Slack gets one text in which text of others mentions nobody and hides no address', async () => {
  await using receiver = await openReceiver()
  const alerts = alertsTo(null, { slackUrl: `${receiver.url}/services/T0/B0/x` })
  await alerts.send(slack, {
    ...post,
    title: 'Hostile <!channel> *title* & more',
    text: 'See <https://evil.example|our page>, @everyone\nand a line',
  })
  const { text } = receiver.received[0]!.json
  expect(Object.keys(receiver.received[0]!.json)).toEqual(['text'])
  expect(text.split('\n')).toEqual([
    '*Hostile &lt;!channel&gt; ∗title∗ &amp; more*',
    'See &lt;https://evil.example|our page&gt;, @\u200beveryone and a line',
    'Look for the cause on the Queue page.',
    'https://keys.example.org/admin/w/duckdb',
  ])
})

test.for([
  [500, 'server-error', true],
  [503, 'server-error', true],
  [429, 'refused', true],
  [408, 'refused', true],
  [400, 'refused', false],
  [404, 'refused', false],
  [410, 'refused', false],
  [301, 'redirected', false],
  [307, 'redirected', false],
] as const)('%i means %s', async ([status, failure, mayRetry]) => {
  await using elsewhere = await openReceiver()
  await using receiver = await openReceiver()
  receiver.answers.push((response) =>
    response.writeHead(status, { location: elsewhere.url }).end('no'),
  )
  expect(await alertsTo(receiver.url).send(webhook, post)).toEqual({
    failure,
    mayRetry,
    status,
    text: 'no',
  })
  expect(elsewhere.received, 'a redirect is not followed').toEqual([])
})

test('a receiver that breaks off, answers without end or is not there is named', async () => {
  await using receiver = await openReceiver()
  receiver.answers.push(
    (response) => response.destroy(),
    (response) => void response.end('x'.repeat(100_000)),
  )
  const alerts = alertsTo(receiver.url)
  expect(await alerts.send(webhook, post)).toMatchObject({
    failure: 'connection-lost',
    mayRetry: true,
  })
  expect(await alerts.send(webhook, post)).toMatchObject({ failure: 'answer-too-long' })
  await receiver.close()
  expect(await alerts.send(webhook, post)).toMatchObject({ failure: 'unreachable', status: null })
})

test('a receiver that says nothing is given ten seconds', async () => {
  await using receiver = await openReceiver()
  receiver.answers.push(() => undefined)
  expect(await alertsTo(receiver.url).send(webhook, post)).toMatchObject({
    failure: 'timeout',
    mayRetry: true,
  })
}, 20_000)

test('a private address that is not listed, and Keymint itself, get nothing', async () => {
  await using receiver = await openReceiver()
  const config = {
    webhook: { url: receiver.url, secrets: [alertSecret] },
    slackUrl: null,
    mailTo: [],
    quietHours: null,
    appOrigin: 'https://keys.example.org',
  }
  for (const rules of [
    { networks: [] },
    { networks: thisMachine, ownPorts: [Number(new URL(receiver.url).port)] },
  ])
    expect(await createAlerts(config, createOutbound(rules), null).send(webhook, post)).toEqual({
      failure: 'address-refused',
      mayRetry: false,
      status: null,
      text: '',
    })
  expect(receiver.received).toEqual([])
})

test('what a receiver says is kept short and without our secrets', async () => {
  await using receiver = await openReceiver()
  rememberSecrets([alertSecret])
  receiver.answers.push((response) =>
    response.writeHead(500).end(`you sent ${alertSecret}\u0007 ${'y'.repeat(2_000)}`),
  )
  const { text } = await alertsTo(receiver.url).send(webhook, post)
  expect(text).not.toContain(alertSecret)
  expect(text).toMatch(/^you sent .* y+$/)
  expect(text).toHaveLength(500)
})

test('mail carries the delivery id as its own, and the server’s number decides about a retry', async () => {
  const letters: string[] = []
  const replies = ['250 taken', '451 later', '550 no such person']
  const server = createServer((socket) => {
    let inData = false
    let letter = ''
    socket.write('220 mail.example.org\r\n')
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        if (inData && line !== '.') letter += `${line}\n`
        else if (inData) {
          inData = false
          letters.push(letter)
          letter = ''
          socket.write(`${replies.shift()}\r\n`)
        } else if (line === 'DATA') {
          inData = true
          socket.write('354 go on\r\n')
        } else if (line === 'QUIT') socket.end('221 bye\r\n')
        else socket.write('250 ok\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const mailer = createMailer({
    smtpUrl: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    from: 'keymint@example.org',
  })
  const alerts = createAlerts(
    {
      webhook: null,
      slackUrl: null,
      mailTo: ['duty@example.org'],
      quietHours: null,
      appOrigin: 'https://keys.example.org',
    },
    createOutbound({ networks: [] }),
    mailer,
  )
  const [to] = alerts.staff
  expect(to).toEqual({ channel: 'mail', address: 'duty@example.org' })
  const many = { ...post, title: 'A title\r\nBcc: everybody@example.org' }
  expect(await alerts.send(to!, many)).toMatchObject({ failure: null, status: 250 })
  expect(letters[0]).toContain(`Message-ID: <${post.id}@keys.example.org>`)
  expect(letters[0]).toContain('Subject: [Keymint] A title Bcc: everybody@example.org')
  expect(letters[0]!.split('\n\n')[0]).not.toMatch(/^Bcc:/m)
  expect(letters[0]).toContain(post.url)
  expect(await alerts.send(to!, post)).toMatchObject({
    failure: 'server-error',
    mayRetry: true,
    status: 451,
  })
  expect(await alerts.send(to!, post)).toMatchObject({
    failure: 'refused',
    mayRetry: false,
    status: 550,
  })
  await new Promise((resolve) => server.close(resolve))
  expect(await alerts.send(to!, post)).toMatchObject({ failure: 'unreachable', mayRetry: true })
})

test('a channel that is no longer configured fails at once', async () => {
  for (const to of [webhook, slack, { channel: 'mail', address: 'a@example.org' } as const])
    expect(await alertsTo(null).send(to, post)).toMatchObject({
      failure: 'not-configured',
      mayRetry: false,
    })
})

/** A mail server that answers slowly holds nobody for longer than they have. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect, test } from 'vitest'
import { certificateUntil } from '../../tests/certificate'
import { createMailer } from './mail.server'

/** Says this at each connection, a byte at a time; `secure` from the first one on. */
async function openDrip(text: (typed: string) => string, everyMs: number, secure = false) {
  const ended: boolean[] = []
  const sockets = new Set<Socket>()
  const serve = (socket: Socket) => {
    sockets.add(socket)
    let queue = text('')
    const timer = setInterval(() => {
      if (queue === '') return
      socket.write(queue[0]!)
      queue = queue.slice(1)
    }, everyMs)
    socket.on('data', (typed) => (queue += text(typed.toString())))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      ended.push(true)
    })
  }
  const server = secure
    ? createTlsServer(certificateUntil(new Date(Date.now() + 86_400_000)), serve)
    : createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: secure
      ? `smtps://127.0.0.1:${port}/?tls.rejectUnauthorized=false`
      : `smtp://127.0.0.1:${port}`,
    ended,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const mail = { to: 'ada@example.org', subject: 'One', text: 'Two' }

test.for([false, true])(
  'a greeting that never ends is left at the deadline, TLS %s',
  async (tls) => {
    await using drip = await openDrip(() => `220-${'x'.repeat(10_000)}`, 20, tls)
    const mailer = createMailer({ smtpUrl: drip.url, from: 'k@example.org', deadlineMs: 500 })
    const startedAt = performance.now()
    expect(await mailer.post(mail)).toEqual({ accepted: false, code: null, text: '' })
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    await expect.poll(() => drip.ended.length).toBe(1)
  },
)

test.for([false, true])(
  'one that is slow and arrives in time has accepted it, TLS %s',
  async (tls) => {
    let inText = false
    const answer = (typed: string) => {
      if (typed === '') return '220 hi\r\n'
      if (inText) {
        if (!typed.includes('\r\n.\r\n')) return ''
        inText = false
        return '250 kept\r\n'
      }
      inText = typed.startsWith('DATA')
      return inText ? '354 go\r\n' : '250 ok\r\n'
    }
    await using drip = await openDrip(answer, 2, tls)
    const mailer = createMailer({ smtpUrl: drip.url, from: 'k@example.org' })
    expect(await mailer.post(mail)).toEqual({ accepted: true, code: 250, text: '250 kept' })
  },
)

/**
 * Mail over SMTP, where the operator has configured it. One attempt with a short timeout: a person
 * waits for it, and the page also shows a link to copy.
 */
import { Socket } from 'node:net'
import { createTransport } from 'nodemailer'

/** `id` names the mail for its receiver: two with the same one are the same mail. */
export type Mail = { to: string; subject: string; text: string; id?: string }
export type Mailer = {
  /** True when the server accepted it. Never throws. */
  send(mail: Mail): Promise<boolean>
}

/** `code` is the server's own number, and null where it gave none. */
export type MailAnswer = { accepted: boolean; code: number | null; text: string }
export type MailServer = Mailer & {
  /** The same, with what the server said. Never throws. */
  post(mail: Mail): Promise<MailAnswer>
}

const timeoutMs = 8_000
/** For all steps together: a server that answers a byte at a time is never silent for long. */
const usualDeadlineMs = 30_000

/**
 * Sends from `from` through `smtpUrl`, within 8 s a step and `deadlineMs` in all, which is less than
 * whoever sends an alert may keep it.
 */
export function createMailer(config: {
  smtpUrl: string
  from: string
  deadlineMs?: number
}): MailServer {
  const { smtpUrl, from, deadlineMs = usualDeadlineMs } = config
  const post = async ({ id, to, subject, text }: Mail): Promise<MailAnswer> => {
    // A connection of its own for each mail, which can be ended whatever the server does.
    const socket = new Socket()
    const transport = createTransport(
      {
        url: smtpUrl,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        socket,
      },
      { from },
    )
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error('the mail server took too long'))
        socket.destroy()
      }, deadlineMs)
    })
    try {
      const mail = { to, subject, text, ...(id === undefined ? {} : { messageId: id }) }
      const sent = await Promise.race([transport.sendMail(mail), tooLate])
      return {
        accepted: sent.accepted.length > 0,
        code: codeOf(sent.response),
        text: sent.response,
      }
    } catch (error) {
      const { responseCode, response } = error as { responseCode?: number; response?: string }
      return { accepted: false, code: responseCode ?? null, text: response ?? '' }
    } finally {
      clearTimeout(timer)
    }
  }
  return { post, send: async (mail) => (await post(mail)).accepted }
}

const codeOf = (response: string): number | null => {
  const code = /^\d{3}/.exec(response)?.[0]
  return code === undefined ? null : Number(code)
}

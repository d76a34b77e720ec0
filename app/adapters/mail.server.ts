/**
 * Mail over SMTP, where the operator has configured it. One attempt with a short timeout: a person
 * waits for it, and the page also shows a link to copy.
 */
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

/** Sends from `from` through `smtpUrl`, within 8 s a step. */
export function createMailer(config: { smtpUrl: string; from: string }): MailServer {
  const transport = createTransport(config.smtpUrl, { from: config.from })
  const timeouts = {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  }
  Object.assign(transport.options, timeouts)
  const post = async ({ id, to, subject, text }: Mail): Promise<MailAnswer> => {
    try {
      const sent = await transport.sendMail({
        to,
        subject,
        text,
        ...(id === undefined ? {} : { messageId: id }),
      })
      return {
        accepted: sent.accepted.length > 0,
        code: codeOf(sent.response),
        text: sent.response,
      }
    } catch (error) {
      const { responseCode, response } = error as { responseCode?: number; response?: string }
      return { accepted: false, code: responseCode ?? null, text: response ?? '' }
    }
  }
  return { post, send: async (mail) => (await post(mail)).accepted }
}

const codeOf = (response: string): number | null => {
  const code = /^\d{3}/.exec(response)?.[0]
  return code === undefined ? null : Number(code)
}

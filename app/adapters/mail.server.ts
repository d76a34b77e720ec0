/**
 * Mail over SMTP, where the operator has configured it. One attempt with a short timeout: a person
 * waits for it, and the page also shows a link to copy.
 */
import { createTransport } from 'nodemailer'

export type Mail = { to: string; subject: string; text: string }
export type Mailer = {
  /** True when the server accepted it. Never throws. */
  send(mail: Mail): Promise<boolean>
}

const timeoutMs = 8_000

/** Sends from `from` through `smtpUrl`, within 8 s a step. */
export function createMailer(config: { smtpUrl: string; from: string }): Mailer {
  const transport = createTransport(config.smtpUrl, { from: config.from })
  const timeouts = {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  }
  Object.assign(transport.options, timeouts)
  return {
    async send({ to, subject, text }) {
      try {
        const sent = await transport.sendMail({ to, subject, text })
        return sent.accepted.length > 0
      } catch {
        return false
      }
    },
  }
}

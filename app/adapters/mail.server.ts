/**
 * Mail over SMTP, where the operator has configured it. One try with a short patience: whoever
 * waits is a person, and has a link to copy as well.
 */
import { createTransport } from 'nodemailer'

export type Mail = { to: string; subject: string; text: string }
export type Mailer = {
  /**
   * False when the server did not take it; why is logged by the caller, and never holds the text.
   */
  send(mail: Mail): Promise<boolean>
}

const timeoutMs = 8_000

export function createMailer(config: { smtpUrl: string; from: string }): Mailer {
  const transport = createTransport(config.smtpUrl, { from: config.from })
  const patient = {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  }
  Object.assign(transport.options, patient)
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

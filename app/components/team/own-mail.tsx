import { Form } from '@remix-run/react'
import type { NoticePage } from '~/domain/team/notice-page.server'
import { meUrl } from '~/urls'
import { Button } from '../base/button'
import { choiceLabels } from './notification-messages'

/** What this person gets by mail. Saved together, so that it works without a script too. */
export function OwnMail({ mail, active }: { mail: NoticePage['mail']; active: boolean }) {
  const { address, choices, configured } = mail
  return (
    <div className="max-w-read space-y-4">
      <p className="[overflow-wrap:anywhere]">{mailState(mail, active)}</p>
      {address === null ? (
        <p>
          <a className="prose-link" href={meUrl()}>
            Add a sign-in with a verified address
          </a>
        </p>
      ) : null}
      <Form method="post" preventScrollReset>
        <fieldset>
          <legend className="font-semibold">Send me mail about</legend>
          <ul className="mt-2 divide-y divide-rule border-y border-rule">
            {choices.map(({ name, wanted }) => (
              <li key={name}>
                <label className="flex min-h-11 items-start gap-3 py-3">
                  <input
                    type="checkbox"
                    name="wanted"
                    value={name}
                    defaultChecked={wanted}
                    className="mt-1 size-5 shrink-0 accent-ink"
                  />
                  <span className="min-w-0">
                    {choiceLabels[name].label}
                    <span className="block text-small text-soft">{choiceLabels[name].hint}</span>
                  </span>
                </label>
              </li>
            ))}
          </ul>
        </fieldset>
        <div className="mt-4 flex flex-wrap gap-3">
          <Button type="submit" name="intent" value="choose" kind="ink">
            Save my choices
          </Button>
          {configured && active && address !== null ? (
            <Button type="submit" name="intent" value="test-mail">
              Send me a test
            </Button>
          ) : null}
        </div>
      </Form>
    </div>
  )
}

function mailState({ address, configured }: NoticePage['mail'], active: boolean): string {
  if (!active) return 'You are suspended in this team, so nothing is sent to you.'
  if (!configured)
    return 'This deployment has no mail server, so no mail is sent. Your choices count once it has one.'
  return address === null
    ? 'No provider has verified a mail address of yours, so no mail is sent to you.'
    : `Mail goes to ${address}, once for each threshold and month.`
}

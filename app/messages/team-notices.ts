/**
 * Sentences for what teams tell their people. A title becomes the subject of a mail: it holds
 * nothing that somebody typed, such as a name.
 */
import type { AlertEvent, Message, Notice } from '~/domain/alerts/alert'
import type { TeamFacts, TeamRef } from '~/domain/team/notices'
import { isServiceAccount } from '~/domain/money/roles'
import { memberUrl, notificationsUrl, subKeyUrl, teamUrl } from '~/urls'
import { lastedText, minuteOf, severityWord, type AlertText } from './alert-text'

export function teamMessageText({ event, notice, about }: Message): AlertText {
  if (notice !== null) return noticeText(event, notice)
  const team = (about as { team?: TeamRef } | null)?.team ?? { slug: '', name: '' }
  return {
    title: 'Test: this is how a notification of your team arrives',
    text: `Somebody in ${nameOf(team)} sent it from the Notifications page. Nothing is wrong.`,
    nextStep: null,
    path: notificationsUrl(team.slug),
  }
}

/** In the body of a webhook. */
export const teamSlugOf = (notice: Notice): string => (notice.facts as TeamFacts).team.slug

function noticeText(event: AlertEvent, notice: Notice): AlertText {
  const facts = notice.facts as TeamFacts
  const plain = factsText(facts, notice.threshold)
  if (event === 'resolved')
    return {
      title: `Resolved: ${plain.title}`,
      text: `The cause is gone. It lasted ${lastedText(notice)}. It was in ${nameOf(facts.team)}.`,
      nextStep: null,
      path: plain.path,
    }
  return { ...plain, title: `${severityWord[notice.severity]}${plain.title}` }
}

function factsText(facts: TeamFacts, threshold: string): AlertText {
  const { slug } = facts.team
  const team = nameOf(facts.team)
  switch (facts.kind) {
    case 'request':
      return {
        title: 'A member requests a higher budget',
        text: `${oneLine(facts.name)} requests ${facts.more.text} more a month in ${team}.`,
        nextStep: 'Approve or refuse it on the Members page, which shows the reason.',
        path: teamUrl(slug, 'members'),
      }
    case 'decided': {
      const given = facts.granted ? `${facts.granted.text} more` : 'more'
      return {
        title: `A budget request is ${facts.decision}`,
        text:
          facts.decision === 'approved'
            ? `${oneLine(facts.name)} gets ${given} ${facts.once ? 'for this month alone' : 'a month'} in ${team}.`
            : `The budget of ${oneLine(facts.name)} in ${team} stays as it is.`,
        nextStep: 'The page shows the request, and the message with the decision.',
        path: teamUrl(slug, 'store'),
      }
    }
    case 'budget':
      return threshold === 'spent'
        ? {
            title: 'A budget is spent',
            text:
              `${whoOf(facts)} has spent all of ${facts.of.text} for ${monthText(facts.month)} in ${team}. ` +
              `${isServiceAccount(facts.userId) ? 'Its' : 'Their'} keys can spend nothing more this month.`,
            nextStep: 'A higher budget lets them continue.',
            path: budgetPath(facts),
          }
        : {
            title: '80 % of a budget is spent',
            text:
              `${whoOf(facts)} has spent ${facts.percent} % of ${facts.of.text} for ` +
              `${monthText(facts.month)} in ${team}. ${facts.left.text} is left.`,
            nextStep: `When it is spent, ${whoseOf(facts)} keys can spend nothing more this month.`,
            path: budgetPath(facts),
          }
    case 'dry':
      return {
        title: 'A budget is likely to be spent before the month ends',
        text:
          `At the pace of ${monthText(facts.month)}, the budget of ${ofWhom(facts)} in ${team} lasts until ` +
          `${facts.on.slice(0, 10)}. ${facts.left.text} is left.`,
        nextStep: isServiceAccount(facts.userId)
          ? 'Spend less, or set a higher budget.'
          : 'Spend less, or request a higher budget.',
        path: budgetPath(facts),
      }
    case 'key-ends':
      return {
        title: threshold === '1d' ? 'A key ends within a day' : 'A key ends within a week',
        text:
          `The key “${oneLine(facts.purpose)}” of ${ofWhom(facts)} in ${team} ends at ` +
          `${minuteOf(facts.endsAt)}.`,
        nextStep: 'Make a new key before then, where it is still needed.',
        path: subKeyUrl(slug, facts.keyId),
      }
    case 'credential':
      return credentialText(facts, team)
  }
}

function credentialText(
  { service, label, reason, team: { slug } }: Extract<TeamFacts, { kind: 'credential' }>,
  team: string,
): AlertText {
  const path = teamUrl(slug, 'vault')
  switch (reason) {
    case 'refused':
      return {
        title: 'A provider refuses a credential',
        text:
          `${service} refuses the credential ${oneLine(label)} of ${team}. ` +
          'No key can be made with it, and its keys cannot be read, changed or ended.',
        nextStep: 'Replace the credential in the Vault.',
        path,
      }
    case 'parked':
      return {
        title: 'A credential is stopped',
        text: `Keymint does nothing more with the credential ${oneLine(label)} of ${team} at ${service}.`,
        nextStep: 'The Vault says why. An owner can start it again there.',
        path,
      }
    case 'no-credit':
      return {
        title: 'A provider account has no credit',
        text:
          `${service} says that the account of the credential ${oneLine(label)} of ${team} has no credit. ` +
          'No key can be made with it, and its keys may stop working.',
        nextStep: 'Add credit at the provider.',
        path,
      }
  }
}

type Whose = { team: TeamRef; userId: string; name: string }

/** Where an owner changes the budget of a service account; a person looks at their own. */
const budgetPath = ({ team, userId }: Whose) =>
  isServiceAccount(userId) ? memberUrl(team.slug, userId) : teamUrl(team.slug, 'dashboard')
const ofWhom = ({ userId, name }: Whose) =>
  isServiceAccount(userId) ? `the service account ${oneLine(name)}` : oneLine(name)
const whoOf = ({ userId, name }: Whose) =>
  isServiceAccount(userId) ? `The service account ${oneLine(name)}` : oneLine(name)
const whoseOf = ({ userId }: Whose) => (isServiceAccount(userId) ? 'its' : 'their')

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()
const nameOf = ({ name }: TeamRef) => `the team “${oneLine(name)}”`

/** "November 2026" */
const monthText = (month: string) =>
  new Date(`${month}T00:00:00Z`).toLocaleString('en-US', {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })

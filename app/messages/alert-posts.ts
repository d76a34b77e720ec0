/** Sentences for alerts that leave Keymint: what is wrong, in numbers, the next step, and a link. */
import {
  teamOfAudience,
  type AlertEvent,
  type AlertPost,
  type DigestItem,
  type Message,
  type Notice,
} from '~/domain/alerts/alert'
import type { OpenedFacts, StaffAlertFacts, StaffAlertKind } from '~/domain/operations/alert-kinds'
import { isBanner, type Finding } from '~/domain/operations/judgement'
import { adminUrl, adminWorkshopUrl, alertsUrl, queueUrl, reconcileUrl, schedulesUrl } from '~/urls'
import { alertMessage } from './alerts'
import { healthMessage, nothingToDo, ownHeadline } from './health'
import { jobLabel } from './jobs'
import { lastedText, minuteOf, severityWord, type AlertText } from './alert-text'
import { teamMessageText, teamSlugOf } from './team-notices'
import { counted, withoutStop } from './text'

/** What is sent, for every channel. The same message makes the same post. */
export function alertPost(message: Message, appOrigin: string): AlertPost {
  const { id, event, severity, createdAt, alertId, notice } = message
  const { title, text, nextStep, path } = messageText(message)
  return {
    id,
    event,
    severity,
    createdAt,
    title,
    text,
    nextStep,
    url: appOrigin + path,
    alert: notice && {
      id: alertId,
      kind: notice.kind,
      threshold: notice.threshold,
      severity: notice.severity,
      ...(teamOfAudience(message.audience) === null
        ? { workshop: workshopOf(notice) }
        : { team: teamSlugOf(notice) }),
      openedAt: notice.openedAt,
      resolvedAt: notice.resolvedAt,
    },
    items: digestTexts(message.items).map((item) => ({
      title: item.title,
      text: item.text,
      url: appOrigin + item.path,
    })),
  }
}

/** Also for the page of what was sent. */
export function messageText(message: Message): AlertText {
  if (teamOfAudience(message.audience) !== null) return teamMessageText(message)
  const { event, notice, items } = message
  if (event === 'test')
    return {
      title: 'Test: this is how an alert of Keymint arrives',
      text: 'Somebody sent it from the Alerts page. Nothing is wrong.',
      nextStep: null,
      path: alertsUrl,
    }
  if (event === 'digest') {
    const alerts = new Set(items.map(({ alertId }) => alertId)).size
    return {
      title: `${counted(alerts, 'alert')} from your quiet hours`,
      text: 'They were not urgent enough to be sent at once.',
      nextStep: null,
      path: alertsUrl,
    }
  }
  return notice
    ? noticeText(event, notice)
    : { title: '', text: '', nextStep: null, path: adminUrl }
}

function noticeText(event: AlertEvent, notice: Notice): AlertText {
  const plain = openAlertText(notice)
  if (event !== 'resolved') {
    const word = event === 'worse' ? 'Worse: ' : severityWord[notice.severity]
    return { ...plain, title: `${word}${plain.title}` }
  }
  const facts = factsOf(notice)
  if ('opened' in facts) return { ...closedText(facts.opened), path: plain.path }
  return {
    title: `Resolved: ${plain.title}`,
    text: `The cause is gone. It lasted ${lastedText(notice)}.`,
    nextStep: null,
    path: plain.path,
  }
}

/** One entry for each alert: what it said last, and whether it is over. */
function digestTexts(items: DigestItem[]): AlertText[] {
  return [...new Set(items.map(({ alertId }) => alertId))].map((alertId) => {
    const all = items.filter((item) => item.alertId === alertId)
    const told = all.findLast(({ event }) => event !== 'resolved')
    const over = all.find(({ event }) => event === 'resolved')
    if (!told) return over ? noticeText('resolved', over) : noticeText('raised', all[0]!)
    const text = noticeText('raised', told)
    return over ? { ...text, text: `${text.text} Resolved after ${lastedText(over)}.` } : text
  })
}

/** Of an alert as it stands, without a word for what happened to it. */
export function openAlertText(notice: Notice): AlertText {
  const facts = factsOf(notice)
  const kind = notice.kind as StaffAlertKind
  const path = pathOf(kind, notice.subject)
  if ('opened' in facts) return { ...openedText(facts.opened), path }
  const { finding } = facts
  const { sentence, remedy } = isBanner(finding) ? alertMessage(finding) : healthMessage(finding)
  return {
    title: titleOf(notice, finding),
    text: sentence,
    nextStep: remedy ?? stepOf(finding),
    path,
  }
}

const factsOf = (notice: Notice) => notice.facts as StaffAlertFacts

/** A paused queue is told by its name. */
const workshopOf = ({ kind, subject }: Notice): string | null =>
  subject === '' || kind === ('paused-queue' satisfies StaffAlertKind) ? null : subject

function titleOf({ threshold }: Notice, finding: Finding): string {
  const name = finding.workshop?.title ?? ''
  const { code } = finding
  if (code === 'waiting')
    return `${name}: nobody got a key for ${threshold === '10m' ? 'ten minutes' : 'a minute'}`
  if (code === 'turned-away')
    return `${name}: ${counted(finding.count, 'try', 'tries')} to claim turned away`
  if (code === 'refused')
    return `${name}: ${finding.claims} of ${counted(finding.total, 'claim')} refused`
  if (code === 'unbound' || code === 'limits-refused')
    return `${name}: ${counted(finding.keys, 'key')} without a guardrail`
  if (code === 'pool-80' && finding.roomForKeys === 0) return `${name}: the pool is spent`
  if (code === 'no-worker') return 'No worker is running'
  if (code === 'queue-paused')
    return `${dueText(finding.due)} for a paused queue: ${jobLabel(finding.queue)}`
  if (code === 'backup-failed') return 'The nightly backup failed'
  if (code === 'backup-late') return `No backup for ${counted(finding.hours, 'hour')}`
  if (code === 'cooling-down') return 'The provider refuses calls that create keys'
  if (code === 'calls-failing')
    return `${finding.failed} of ${finding.total} calls that create keys fail`
  return withoutStop(isBanner(finding) ? alertMessage(finding).title : ownHeadline(finding))
}

/** Where the sentence of the finding names none. */
function stepOf(finding: Finding): string | null {
  if (finding.code === 'waiting')
    return finding.help === 'waits' && finding.why !== null
      ? nothingToDo
      : 'Look for the cause on the Queue page.'
  if (finding.code === 'turned-away') return 'Tell people there whether more keys will come.'
  if (finding.code === 'drift') return 'Read the differences and repair them.'
  return finding.help === 'waits' ? nothingToDo : null
}

/** The count stops somewhere. */
const dueText = (due: number) =>
  due >= 1_000 ? '1,000 jobs or more wait' : counted(due, 'job waits', 'jobs wait')

function pathOf(kind: StaffAlertKind, subject: string): string {
  if (kind === 'drift') return reconcileUrl
  if (kind === 'paused-queue') return schedulesUrl({})
  if (kind === 'no-worker' || kind === 'provider') return queueUrl
  return subject === '' ? adminUrl : adminWorkshopUrl(subject)
}

function openedText({ title, seats, pool, closesAt }: OpenedFacts): Omit<AlertText, 'path'> {
  const limits = [
    seats === null ? null : counted(seats, 'seat'),
    pool === null ? null : `a pool of ${pool.text}`,
  ].filter((part) => part !== null)
  const closes = closesAt === null ? '' : ` Claims close at ${minuteOf(closesAt)}.`
  return {
    title: `${title} is open for claims`,
    text: `${limits.length > 0 ? `It has ${limits.join(' and ')}.` : 'It has no limit.'}${closes}`,
    nextStep: 'Watch the claims on its page.',
  }
}

function closedText({ title, withKey, total }: OpenedFacts): Omit<AlertText, 'path'> {
  return {
    title: `${title} is closed for claims`,
    text:
      total === 0
        ? 'Nobody has claimed.'
        : `${withKey.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} have a key.`,
    nextStep: null,
  }
}

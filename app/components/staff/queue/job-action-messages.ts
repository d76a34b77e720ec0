/** What became of an action on a job, and what cancelling one means. */
import type { JobActionOutcome } from '~/domain/staff/queue/actions.server'
import type { CancelMeans } from '~/domain/staff/queue/job-kinds'
import { actRefusals } from '../act-messages'

const messages: Record<JobActionOutcome['code'], string> = {
  ...actRefusals,
  'runs-now': 'The job runs now.',
  'runs-later': 'The job is waiting in its queue.',
  'runs-again': 'The job runs again now.',
  'sent-again': 'A new job was sent.',
  'mint-retried': 'A new key is being created if the pool still has room for it.',
  'bind-retried': 'The guardrail is being assigned again.',
  cancelled: 'The job is cancelled.',
  'claim-refused':
    'The job is cancelled. The claim is refused with your reason; its money and seat went back.',
  'sub-key-refused':
    'The job is cancelled. The team’s key is refused with your reason; its money went back to the budget.',
  'spare-refused':
    'The job is cancelled. The pre-minted key is not created; its money went back to the pool.',
  'left-unbound': 'The job is cancelled. The key stays unbound until somebody retries.',
  'back-in-queue': 'The job is back in its queue.',
  'letter-superseded': 'Another job for it is queued already, so the dead letter was removed.',
  gone: 'This job no longer exists.',
  'running-now': 'The job is running now.',
  'done-already': 'The job is done, so there is nothing to retry.',
  'no-claim': 'The claim behind this job no longer exists.',
  'started-meanwhile': 'The job has started in the meantime.',
  'queued-already': 'Another job for it is queued already.',
  'ended-already': 'The job has ended already.',
  'mint-ended': 'The key was already made or refused; nothing else changed.',
  'letter-stays':
    'The job cannot go back: one like it is queued already, or its queue is not known.',
  'letter-obsolete': 'The work behind it has ended, so the dead letter was removed.',
  'must-finish': 'This job finishes work that has begun, so it cannot be cancelled.',
  'never-cancelled': 'Keymint needs this job to keep running, so it cannot be cancelled.',
}

/** By the code alone, as a bulk action counts them. */
export const jobActionMessages: Record<string, string> = messages

export const jobActionMessage = (outcome: JobActionOutcome): string =>
  outcome.code === 'runs-later' ? `The job runs in ${outcome.seconds} s.` : messages[outcome.code]

/** What a person must know before they cancel; `holderKind` is whose key a mint makes. */
export function cancelMessage(means: CancelMeans, holderKind: string | null): string {
  switch (means) {
    case 'refuse-mint':
      if (holderKind === 'spare')
        return (
          'This pre-minted key is not created and its money goes back to the pool. The workshop makes ' +
          'no others for five minutes, then tops up its stock again. Nobody waits for this key.'
        )
      return holderKind === 'sub-key'
        ? 'No key is created. The request is refused with your reason, the member reads it on the ' +
            'key’s page, and the money goes back to their budget.'
        : 'No key is created. The claim is refused with your reason, the person reads it on their ' +
            'page, and the money and the seat go back to the pool. You can retry the claim later.'
    case 'leave-unbound':
      return 'The key keeps working without its list of models. It stays unbound until a person retries.'
    case 'skip-once':
      return 'This run is skipped. The schedule sends the next one.'
    case 'until-requested':
      return 'Nothing is made until somebody requests it again.'
    case 'must-finish':
      return messages['must-finish']
    case 'never':
      return messages['never-cancelled']
  }
}

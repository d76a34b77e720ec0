/** What Keymint itself tells everybody in a workshop, while a cause lasts. */
import type { AnnouncementCause } from '~/domain/workshop/view-types'

export const ownAnnouncements: Record<AnnouncementCause, { title: string; sentence: string }> = {
  provider: {
    title: 'The provider has a failure',
    sentence: 'New keys and changes take longer. You keep your place, and we keep trying.',
  },
  credits: {
    title: 'Credit is running low',
    sentence:
      'If the account behind these keys runs out, keys stop until the organiser adds credit.',
  },
  pool: {
    title: 'Over 80 % of the budget of this workshop is spent',
    sentence: 'Your key still works up to its own budget. There may be no more after that.',
  },
}

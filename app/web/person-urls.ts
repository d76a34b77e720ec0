/** The addresses of a person's own pages. */
import type { NoticeCode } from '~/components/claim/person-words'

export const erasedUrl = '/me/erased'

/** The page, and what it says has just been done. */
export function meUrl(done?: NoticeCode): string {
  return done ? `/me?done=${done}` : '/me'
}

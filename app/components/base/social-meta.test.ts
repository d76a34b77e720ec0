import { expect, test } from 'vitest'
import { socialMeta } from './social-meta'

const find = (tags: ReturnType<typeof socialMeta>, name: string) =>
  tags.flatMap((tag) =>
    'content' in tag &&
    (('property' in tag && tag.property === name) || ('name' in tag && tag.name === name))
      ? [tag.content]
      : [],
  )

test('a preview has whole addresses, and a description that chats do not cut themselves', () => {
  const tags = socialMeta({
    title: 'Build an analytics agent',
    description: 'word '.repeat(100),
    origin: 'https://keys.example.org',
    path: '/w/duckdb',
  })
  expect(find(tags, 'og:url')).toEqual(['https://keys.example.org/w/duckdb'])
  expect(find(tags, 'og:image')).toEqual(['https://keys.example.org/preview.png'])
  const [description] = find(tags, 'og:description')
  expect(String(description).length).toBeLessThanOrEqual(200)
  expect(description).toEqual(find(tags, 'description')[0])
})

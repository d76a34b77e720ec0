/** Every action that the code can record has words. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { actionLabels, detailsOf } from './audit-messages'

/**
 * Where an event is written: recordAudit's `action:` and the statements that insert into the trail
 * themselves.
 */
function actionsInSource(): Map<string, string> {
  const actions = new Map<string, string>()
  for (const folder of ['app', 'jobs']) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(file) || /\.test\.tsx?$/.test(file) || file.includes('prisma-client'))
        continue
      const source = readFileSync(path.join(folder, file), 'utf8')
      for (const [, action = ''] of source.matchAll(
        /\baction: '([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)'/g,
      ))
        actions.set(action, file)
      for (const [, rest = ''] of source.matchAll(
        /insert into keymint\.audit_events([\s\S]*?)`/g,
      )) {
        for (const [, action = ''] of rest.matchAll(/'([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)'/g))
          actions.set(action, file)
      }
    }
  }
  return actions
}

test('every action that the source records has a label', () => {
  const actions = actionsInSource()
  expect(actions.size).toBeGreaterThan(15)
  expect(
    [...actions].filter(([action]) => !Object.hasOwn(actionLabels, action)),
    'without a label',
  ).toEqual([])
})

test('details are read as text: money, times, lists, nested ones', () => {
  expect(
    detailsOf({
      limitUsd: '2.000000000',
      expiresAt: '2026-04-15T00:00:00.000Z',
      because: 'signed-out-everywhere',
      sessions: 3,
      mayClaimAgain: false,
      nothing: null,
      models: ['a', 'b'],
      filter: { state: 'ready', keyHash: 'abcdef0123456789' },
    }),
  ).toEqual([
    { label: 'Limit', kind: 'text', value: '$2.00' },
    { label: 'Ends', kind: 'time', value: '2026-04-15T00:00:00.000Z' },
    { label: 'Because', kind: 'text', value: 'signed out everywhere' },
    { label: 'Sessions', kind: 'text', value: '3' },
    { label: 'May claim again', kind: 'text', value: 'no' },
    { label: 'Models', kind: 'text', value: 'a, b' },
    { label: 'Filter: state', kind: 'text', value: 'ready' },
    { label: 'Filter: key hash', kind: 'code', value: 'abcdef0123456789' },
  ])
})

/** Which addresses take forms: those of pages, also as a script posts them, and none of files. */
import { expect, test } from 'vitest'
import { readOnlyRoutes } from './route-patterns'

test('a path whose route gives something out takes no form, and a page does under both of its names', () => {
  const route = (id: string, path: string, module: object) => ({
    id,
    parentId: 'root',
    path,
    module,
  })
  const loader = () => null
  const routes = Object.fromEntries(
    [
      { id: 'root', path: '', module: { default: loader } },
      route('new', 't/new', { default: loader, action: loader }),
      route('team', 't/:team', { loader }),
      route('export', 't/:team/audit.csv', { loader }),
      route('post', 'sign-out', { action: loader }),
      route('page', 'docs', { loader, default: loader }),
      route('rest', '*', { loader, default: loader }),
    ].map((one) => [one.id, one]),
  )
  const isReadOnly = readOnlyRoutes(routes as unknown as Parameters<typeof readOnlyRoutes>[0])
  const taking = ['/t/new', '/t/new.data', '/sign-out', '/sign-out.data', '/docs', '/nowhere.data']
  expect(taking.filter(isReadOnly)).toEqual([])
  const giving = ['/t/one', '/t/one.data', '/t/one/audit.csv']
  expect(giving.filter((path) => !isReadOnly(path))).toEqual([])
})

import { expect, test } from 'vitest'
import { isSameOrigin } from './origin.server'

const own = 'https://keys.example.org'

test.each(['GET', 'HEAD', 'OPTIONS', 'get'])('%s is always let through', (method) => {
  expect(
    isSameOrigin({ method, secFetchSite: 'cross-site', origin: 'https://evil.test' }, own),
  ).toBe(true)
})

test.each([
  ['same-origin', undefined, true],
  ['same-origin', own, true],
  // A proxy or an extension may rewrite Origin; Sec-Fetch-Site cannot be written by a page.
  ['same-origin', 'null', true],
  ['same-site', own, false],
  ['cross-site', own, false],
  ['cross-site', 'https://evil.test', false],
  ['none', undefined, false],
  ['same-origin, cross-site', own, false],
  [undefined, own, true],
  ['', own, true],
  [undefined, 'null', false],
  [undefined, '', false],
  [undefined, 'http://keys.example.org', false],
  [undefined, 'https://keys.example.org:8443', false],
  [undefined, 'https://keys.example.org/', false],
  [undefined, 'https://keys.example.org.evil.test', false],
  [undefined, 'https://evil.test', false],
  [undefined, undefined, false],
  [null, null, false],
  [null, own, true],
])('a POST with Sec-Fetch-Site %j and Origin %j: %j', (secFetchSite, origin, allowed) => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'post', 'PROPFIND']) {
    expect(isSameOrigin({ method, secFetchSite, origin }, own)).toBe(allowed)
  }
})

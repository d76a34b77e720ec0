import { afterEach, expect, test, vi } from 'vitest'
import { localZone } from './local-zone'

afterEach(() => vi.unstubAllGlobals())

const browserNames = (timeZone: string | undefined) => {
  const { DateTimeFormat } = Intl
  vi.stubGlobal('Intl', {
    DateTimeFormat: Object.assign(
      function (...args: ConstructorParameters<typeof DateTimeFormat>) {
        const format = new DateTimeFormat(...args)
        return args.length > 0
          ? format
          : { resolvedOptions: () => ({ ...format.resolvedOptions(), timeZone }) }
      },
      { prototype: DateTimeFormat.prototype },
    ),
  })
}

test.each([
  ['Europe/Berlin', 'Europe/Berlin'],
  ['Etc/Unknown', 'UTC'],
  ['Mars/Olympus', 'UTC'],
  ['', 'UTC'],
])('a browser that names the zone "%s" shows %s', (named, shown) => {
  browserNames(named)
  expect(localZone()).toBe(shown)
})

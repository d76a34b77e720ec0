/** The values that a workshop file may hold: money, counts, times, zones and addresses. */
import { MAX_NANO_USD, nanoFromDecimalString, type NanoUsd } from '~/money'
import { FieldReader } from './field-reader'
import {
  DAY_MS,
  HOUR_MS,
  isKnownZone,
  MOMENT,
  offsetText,
  realLocalTime,
  zoneOffsetMinutes,
} from './moment'
import { didYouMean, quoted } from './problem'

export class Fields extends FieldReader {
  money(name: string): NanoUsd | null {
    const node = this.scalar(name, 'an amount in USD')
    if (node === null) return null
    const text = node.text.trim()
    const decimals = /^(?:0|[1-9]\d{0,10})(?:\.(\d+))?$/.exec(text)
    if (decimals === null) {
      const remedy = /^-/.test(text)
        ? 'write an amount above zero'
        : `write USD as a plain number, such as ${plainAmount(text) ?? '300 or 0.50'}`
      this.problem(name, `is not an amount of money: ${quoted(node.text)}`, remedy, node.at)
      return null
    }
    if ((decimals[1] ?? '').length > 9) {
      this.problem(name, 'has more than 9 decimals', 'round it to at most 9 decimals', node.at)
      return null
    }
    const nano = nanoFromDecimalString(text)
    if (nano > 0n && nano <= MAX_NANO_USD) return nano
    this.problem(name, 'must be more than zero', 'write an amount above zero, such as 2', node.at)
    return null
  }

  count(name: string, max: number): number | null {
    const node = this.scalar(name, 'a whole number')
    if (node === null) return null
    const count = /^[1-9]\d{0,8}$/.test(node.text) ? Number(node.text) : 0
    if (count >= 1 && count <= max) return count
    this.problem(
      name,
      `is not a whole number from 1 to ${max}: ${quoted(node.text)}`,
      'write a plain number, such as 150',
      node.at,
    )
    return null
  }

  /** A length of time: hours, days or weeks, as `36h`, `90d`, `2w`. */
  duration(name: string, maxDays: number): number | null {
    const node = this.scalar(name, 'a length of time')
    if (node === null) return null
    const match = /^([1-9]\d{0,5})(h|d|w)$/.exec(node.text)
    if (match === null) {
      this.problem(
        name,
        `is not a length of time: ${quoted(node.text)}`,
        'write a whole number of hours, days or weeks: 36h, 90d or 2w',
        node.at,
      )
      return null
    }
    const ms =
      Number(match[1]) * { h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS }[match[2] as 'h' | 'd' | 'w']
    if (ms <= maxDays * DAY_MS) return ms
    this.problem(name, `is longer than ${maxDays} days`, `write at most ${maxDays}d`, node.at)
    return null
  }

  /** A short wait: minutes or hours, as `45m`, `2h`. */
  wait(name: string, { minMinutes, maxHours }: { minMinutes: number; maxHours: number }) {
    const node = this.scalar(name, 'a length of time')
    if (node === null) return null
    const match = /^([1-9]\d{0,4})(m|h)$/.exec(node.text)
    if (match === null) {
      this.problem(
        name,
        `is not a length of time: ${quoted(node.text)}`,
        'write a whole number of minutes or hours: 45m or 2h',
        node.at,
      )
      return null
    }
    const ms = Number(match[1]) * (match[2] === 'h' ? HOUR_MS : 60_000)
    if (ms >= minMinutes * 60_000 && ms <= maxHours * HOUR_MS) return ms
    const isShort = ms < minMinutes * 60_000
    this.problem(
      name,
      isShort ? `is shorter than ${minMinutes} minutes` : `is longer than ${maxHours} hours`,
      isShort ? `write at least ${minMinutes}m` : `write at most ${maxHours}h`,
      node.at,
    )
    return null
  }

  /** A moment with an explicit offset. `timezone` only serves the advice. */
  moment(name: string, timezone: string | null): Date | null {
    const node = this.scalar(name, 'a time')
    if (node === null) return null
    const match = MOMENT.exec(node.text)
    if (match === null) {
      this.problem(
        name,
        `is not an ISO 8601 time: ${quoted(node.text)}`,
        'write date, time and offset: 2026-04-14T08:30:00+02:00',
        node.at,
      )
      return null
    }
    const local = realLocalTime(match)
    const offset = match[8]
    if (local === null) {
      this.problem(
        name,
        `is no real date or time: ${quoted(node.text)}`,
        'check day, month, hour and minute (years 2000 to 2100)',
        node.at,
      )
      return null
    }
    if (offset === undefined) {
      const zone = timezone ?? 'UTC'
      const advice = `${node.text.replace(' ', 'T')}${offsetText(zoneOffsetMinutes(zone, local))}`
      this.problem(
        name,
        'has no offset, so nobody can tell which hour it means',
        `write ${advice} (${zone})`,
        node.at,
      )
      return null
    }
    const minutes =
      offset === 'Z'
        ? 0
        : (offset.startsWith('-') ? -1 : 1) *
          (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6)))
    if (Math.abs(minutes) > 14 * 60 || Number(offset.slice(4, 6)) > 59) {
      this.problem(
        name,
        `has an impossible offset: ${quoted(offset)}`,
        'write an offset such as +02:00, or Z for UTC',
        node.at,
      )
      return null
    }
    return new Date(local - minutes * 60_000)
  }

  /**
   * The offset a time is written with, and the one its zone has then, where the two differ. UTC is
   * always a fair way to write.
   */
  offsetMismatch(name: string, timezone: string): { written: string; expected: string } | null {
    const value = this.mapping.entries.get(name)?.value
    const match = value?.type === 'text' ? MOMENT.exec(value.text) : null
    const local = match === null ? null : realLocalTime(match)
    const written = match?.[8]
    if (local === null || written === undefined || /^(Z|[+-]00:00)$/.test(written)) return null
    const expected = offsetText(zoneOffsetMinutes(timezone, local))
    return expected === written ? null : { written, expected }
  }

  timezone(name: string): string | null {
    const zone = this.line(name, 60)
    if (zone === null) return null
    if (/^(UTC|[A-Z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)+)$/.test(zone) && isKnownZone(zone))
      return zone
    const suggestion =
      zone.length > 60
        ? null
        : didYouMean(zone.replace(/\s+/g, '_'), Intl.supportedValuesOf('timeZone'))
    this.problem(
      name,
      `is not a known timezone: ${quoted(zone)}`,
      suggestion === null
        ? 'write an IANA name such as Europe/Berlin'
        : `did you mean ${suggestion}?`,
    )
    return null
  }

  webAddress(name: string): string | null {
    const text = this.line(name, 500)
    if (text === null) return null
    const url = URL.canParse(text) ? new URL(text) : null
    if (
      url !== null &&
      url.protocol === 'https:' &&
      url.username === '' &&
      url.password === '' &&
      !/\s/.test(text)
    )
      return url.href
    this.problem(
      name,
      `is not an https address: ${quoted(text)}`,
      'write a full address such as https://example.org/setup',
    )
    return null
  }

  email(name: string): string | null {
    const text = this.line(name, 254)
    if (text === null || isEmail(text)) return text
    this.problem(
      name,
      `is not an email address: ${quoted(text)}`,
      'write an address such as workshops@example.org',
    )
    return null
  }

  child(name: string): Fields | null {
    const value = this.mapping.entries.get(name)?.value
    return value?.type === 'mapping'
      ? new Fields(value, this.file, this.problems, `${this.prefix}${name}.`)
      : null
  }
}

export function isEmail(text: string): boolean {
  return /^[^\s@<>",;:()[\]\\]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}$/i.test(text)
}

/** `$2`, `1,000`, `5 USD`: what the person meant, for the remedy alone. */
function plainAmount(text: string): string | null {
  const bare = text.replace(/^\$\s?|\s?(USD|\$)$/gi, '')
  // A comma before one or two last digits is a decimal comma; before three it groups thousands.
  const plain = bare.replace(/,(?=\d{1,2}$)/, '.').replace(/[,_\s'’](?=\d{3})/g, '')
  return /^[1-9]\d{0,8}(\.\d{1,2})?$/.test(plain) ? plain : null
}

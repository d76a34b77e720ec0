/**
 * Reads one field of a workshop file from its source text. Every reader returns the value, or null
 * after it has noted a problem; a field that is left out is null without a problem. Nothing is
 * guessed: a near miss is an error with the line to write instead.
 */
import { MAX_NANO_USD, nanoFromDecimalString, type NanoUsd } from '~/money'
import { didYouMean, quoted } from './problem'
import type { Problem } from '../workshop-file'
import {
  fieldName,
  type Entry,
  type MappingNode,
  type Place,
  type SourceNode,
  type TextNode,
} from './yaml-source'

export class Fields {
  constructor(
    private readonly mapping: MappingNode,
    private readonly file: string,
    private readonly problems: Problem[],
    private readonly prefix = '',
  ) {}

  /** True when the field is there with something in it, right or wrong. */
  has(name: string): boolean {
    const entry = this.mapping.entries.get(name)
    return entry !== undefined && entry.value.type !== 'empty'
  }

  /**
   * Notes a problem at the field's value, or at the beginning of the file for a field that is not
   * there.
   */
  problem(name: string, message: string, remedy: string, at?: Place): void {
    this.problems.push(this.describe(name, message, remedy, at))
  }

  describe(name: string, message: string, remedy: string, at?: Place): Problem {
    const entry = this.mapping.entries.get(name)
    const place = at ?? (entry === undefined ? this.mapping.at : placeOf(entry))
    return {
      file: this.file,
      line: place.line,
      column: place.column,
      field: `${this.prefix}${fieldName(name)}`,
      message,
      remedy,
    }
  }

  /**
   * Refuses fields that are not in the list; returns the names that their writers seem to have
   * meant.
   */
  refuseUnknown(
    known: readonly string[],
    remedies: Readonly<Record<string, string>> = {},
  ): Set<string> {
    const meant = new Set<string>()
    for (const entry of this.mapping.entries.values()) {
      if (known.includes(entry.key)) continue
      const told = Object.hasOwn(remedies, entry.key) ? remedies[entry.key] : undefined
      const suggestion = told === undefined ? didYouMean(entry.key, known) : null
      if (suggestion !== null) meant.add(suggestion)
      const remedy =
        told ??
        (suggestion === null
          ? 'remove it; docs/workshop-files.md lists the fields'
          : `did you mean ${suggestion}?`)
      this.problem(entry.key, 'is not a field of a workshop file', remedy, entry.keyAt)
    }
    return meant
  }

  /** One line of text. */
  line(name: string, maxLength: number): string | null {
    const text = this.words(name, maxLength)
    if (text === null || !/[\n\r]/.test(text)) return text
    this.problem(name, 'must be a single line', 'write it on one line')
    return null
  }

  /** Text that may have several lines. */
  words(name: string, maxLength: number): string | null {
    const node = this.scalar(name, 'text')
    return node === null ? null : this.checkedWords(name, node, maxLength)
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | null {
    const node = this.scalar(name, 'one word')
    return node === null ? null : this.choice(name, node, choices)
  }

  yes(name: string): boolean | null {
    const node = this.scalar(name, 'true or false')
    if (node === null) return null
    if (!node.isQuoted && /^(true|True|TRUE)$/.test(node.text)) return true
    if (!node.isQuoted && /^(false|False|FALSE)$/.test(node.text)) return false
    this.problem(
      name,
      `is not true or false: ${quoted(node.text)}`,
      'write true or false, without quotes',
      node.at,
    )
    return null
  }

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

  /**
   * A list of short texts without repetition; `read` checks each and returns null after noting a
   * problem.
   */
  list<T extends string>(
    name: string,
    limits: { max: number; example: string },
    read: (text: TextNode, itemName: string) => T | null,
  ): T[] | null {
    const entry = this.mapping.entries.get(name)
    if (entry === undefined || entry.value.type === 'empty') {
      if (entry !== undefined) this.problem(name, 'is empty', `write a list: ${limits.example}`)
      return null
    }
    const node = entry.value
    if (node.type !== 'list') {
      const example =
        node.type === 'text' && /^[\w./:-]{1,60}$/.test(node.text)
          ? `[${node.text}]`
          : limits.example
      this.problem(name, 'is not a list', `write a list: ${example}`, node.at)
      return null
    }
    if (node.items.length === 0 || node.items.length > limits.max) {
      this.problem(
        name,
        `must have 1 to ${limits.max} entries and has ${node.items.length}`,
        `write a list: ${limits.example}`,
        node.at,
      )
      return null
    }
    const found: T[] = []
    let isComplete = true
    node.items.forEach((item, index) => {
      const itemName = `${name}[${index}]`
      const value =
        item.type === 'text' ? read(item, itemName) : this.notText(itemName, item, limits.example)
      if (value !== null && found.includes(value))
        this.itemProblem(
          itemName,
          `is in the list twice: ${quoted(value)}`,
          'remove one of the two',
          item.at,
        )
      else if (value !== null) return void found.push(value)
      isComplete = false
    })
    return isComplete ? found : null
  }

  choice<T extends string>(name: string, node: TextNode, choices: readonly T[]): T | null {
    const found = choices.find((choice) => choice === node.text)
    if (found !== undefined) return found
    const suggestion = didYouMean(node.text, choices)
    const remedy =
      suggestion === null ? `write ${choices.join(' or ')}` : `did you mean ${suggestion}?`
    this.itemProblem(
      name,
      `is not one of ${choices.join(', ')}: ${quoted(node.text)}`,
      remedy,
      node.at,
    )
    return null
  }

  itemProblem(itemName: string, message: string, remedy: string, at: Place): void {
    this.problems.push({
      file: this.file,
      line: at.line,
      column: at.column,
      field: `${this.prefix}${itemName}`,
      message,
      remedy,
    })
  }

  private notText(itemName: string, item: SourceNode, example: string): null {
    this.itemProblem(
      itemName,
      item.type === 'empty' ? 'is empty' : 'is not a plain entry',
      `write a list: ${example}`,
      item.at,
    )
    return null
  }

  private scalar(name: string, expected: string): TextNode | null {
    const entry = this.mapping.entries.get(name)
    if (entry === undefined || entry.value.type === 'empty') return null
    if (entry.value.type === 'text') return entry.value
    this.problem(
      name,
      `must be ${expected}, not a ${entry.value.type}`,
      'write the value on the same line as the field name',
    )
    return null
  }

  private checkedWords(name: string, node: TextNode, maxLength: number): string | null {
    const text = node.text.trim()
    if (text === '') {
      this.problem(name, 'is empty', 'write the words, or remove the line', node.at)
      return null
    }
    if (text.length > maxLength) {
      this.problem(name, `is longer than ${maxLength} characters`, 'shorten it', node.at)
      return null
    }
    // Postgres refuses NUL and lone surrogates; direction marks can make a page say what the file
    // does not.
    if (/[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069]|\p{Cs}/u.test(text)) {
      this.problem(name, 'contains an invisible control character', 'retype the text', node.at)
      return null
    }
    return text
  }
}

export function isEmail(text: string): boolean {
  return /^[^\s@<>",;:()[\]\\]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}$/i.test(text)
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2})?$/

function placeOf(entry: Entry): Place {
  return entry.value.type === 'empty' ? entry.keyAt : entry.value.at
}

/** `$2`, `1,000`, `5 USD`: what the person meant, for the remedy alone. */
function plainAmount(text: string): string | null {
  const plain = text.replace(/^\$\s?|\s?(USD|\$)$/gi, '').replace(/[,_]/g, '')
  return /^[1-9]\d{0,8}(\.\d{1,2})?$/.test(plain) ? plain : null
}

function realLocalTime(match: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const ms = Date.UTC(
    year,
    month - 1,
    day,
    hour,
    minute,
    second,
    Number((match[7] ?? '').padEnd(3, '0')),
  )
  const isReal =
    new Date(ms).getUTCDate() === day &&
    month >= 1 &&
    month <= 12 &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59
  return isReal && year >= 2000 && year <= 2100 ? ms : null
}

function isKnownZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone.length > 0
  } catch {
    return false
  }
}

/**
 * The zone's offset when its clocks show `local` (the first of the two in the hour that repeats).
 */
function zoneOffsetMinutes(zone: string, local: number): number {
  const first = offsetAt(zone, local)
  return offsetAt(zone, local - first * 60_000)
}

function offsetAt(zone: string, instant: number): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    timeZoneName: 'longOffset',
  }).formatToParts(new Date(instant))
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(
    parts.find((part) => part.type === 'timeZoneName')?.value ?? '',
  )
  return match === null
    ? 0
    : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]))
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`
}

/**
 * Finds a field of a workshop file in its source text and notes what is wrong with it. Every reader
 * returns the value, or null after it has noted a problem; a field that is left out is null without
 * a problem. Nothing is guessed: a near miss is an error with the line to write instead.
 */
import type { Problem } from '../workshop-file'
import { didYouMean, quoted } from './problem'
import {
  fieldName,
  type Entry,
  type MappingNode,
  type Place,
  type SourceNode,
  type TextNode,
} from './yaml-source'

export class FieldReader {
  constructor(
    protected readonly mapping: MappingNode,
    protected readonly file: string,
    protected readonly problems: Problem[],
    protected readonly prefix = '',
  ) {}

  /** True when the field is there with something in it, right or wrong. */
  has(name: string): boolean {
    const entry = this.mapping.entries.get(name)
    return entry !== undefined && entry.value.type !== 'empty'
  }

  /** True when something has been noted about the field itself. */
  hasProblem(name: string): boolean {
    return this.problems.some((problem) => problem.field === name)
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
    const text = this.text(name, maxLength)
    if (text === null || !/[\n\r]/.test(text)) return text
    this.problem(name, 'must be a single line', 'write it on one line')
    return null
  }

  /** Text that may have several lines. */
  text(name: string, maxLength: number): string | null {
    const node = this.scalar(name, 'text')
    return node === null ? null : this.checkedText(name, node, maxLength)
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

  protected scalar(name: string, expected: string): TextNode | null {
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

  private checkedText(name: string, node: TextNode, maxLength: number): string | null {
    const text = node.text.trim()
    if (text === '') {
      this.problem(name, 'is empty', 'write the text, or remove the line', node.at)
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

function placeOf(entry: Entry): Place {
  return entry.value.type === 'empty' ? entry.keyAt : entry.value.at
}

/**
 * The plain part of YAML: one mapping of scalars, lists and small mappings, each with its place in
 * the file. Guarantee: bounded in size and depth; no anchors, aliases, merge keys, tags,
 * directives, second documents or repeated keys. Scalars stay source text, so no number is ever
 * rounded and no word turns into a boolean on the way.
 */
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type ErrorCode,
  type Pair,
  type Scalar,
} from 'yaml'
import { quoted } from './problem'
import type { Problem } from '../workshop-file'

/**
 * Large enough for fifty models and long words; small enough that the worst input parses in well
 * under 200 ms.
 */
export const MAX_FILE_BYTES = 16 * 1024

export type Place = { line: number; column: number }
export type TextNode = { type: 'text'; text: string; isQuoted: boolean; at: Place }
export type EmptyNode = { type: 'empty'; at: Place }
export type ListNode = { type: 'list'; items: SourceNode[]; at: Place }
export type MappingNode = { type: 'mapping'; entries: Map<string, Entry>; at: Place }
export type SourceNode = TextNode | EmptyNode | ListNode | MappingNode
export type Entry = { key: string; keyAt: Place; value: SourceNode }

export type YamlSource = { root: MappingNode | null; problems: Problem[] }

/**
 * Never throws. `root` is null when the file cannot be read as one mapping, and then there is at
 * least one problem.
 */
export function readYamlSource(text: string, file: string): YamlSource {
  if (new TextEncoder().encode(text).length > MAX_FILE_BYTES) {
    return {
      root: null,
      problems: [
        {
          file,
          line: 1,
          field: 'file',
          message: `is larger than ${MAX_FILE_BYTES / 1024} KiB`,
          remedy: 'shorten the description or move it to docs_url',
        },
      ],
    }
  }
  try {
    return new Reader(text, file).read()
  } catch {
    return {
      root: null,
      problems: [
        {
          file,
          line: 1,
          field: 'file',
          message: 'cannot be read as YAML',
          remedy: 'start again from an example in workshops/',
        },
      ],
    }
  }
}

const MAX_DEPTH = 4

const SYNTAX_REMEDIES: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'indent with the same number of spaces as the lines around it',
  TAB_AS_INDENT: 'indent with spaces, not tabs',
  BLOCK_AS_IMPLICIT_KEY: 'a value that contains ": " must stand in double quotes',
  MULTILINE_IMPLICIT_KEY:
    'write each field as `name: value` on one line; close the quotes and brackets above',
  MISSING_CHAR: 'close the quote or bracket, and write a colon and a space after each field name',
  BAD_SCALAR_START: 'put the value in double quotes',
  BAD_DQ_ESCAPE: 'use single quotes, or double each backslash',
  MULTIPLE_DOCS: 'keep one workshop per file and remove the `---` line',
  BAD_ALIAS: 'write the value out; a value that begins with * must stand in double quotes',
  RESOURCE_EXHAUSTION: 'a workshop file needs no nesting beyond a list',
  KEY_OVER_1024_CHARS: 'write a colon and a space after each field name',
}

class Reader {
  private readonly lines = new LineCounter()
  private readonly problems: Problem[] = []

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  read(): YamlSource {
    // The library compares every key with every other; a mapping of thousands of keys would take
    // seconds.
    const options = {
      schema: 'failsafe',
      merge: false,
      uniqueKeys: false,
      strict: true,
      logLevel: 'error',
      prettyErrors: false,
      lineCounter: this.lines,
    } as const
    const document = parseDocument(this.text, options)
    if (
      /^%/m.test(this.text) &&
      (document.directives?.yaml.explicit === true ||
        Object.keys(document.directives?.tags ?? {}).length > 1)
    ) {
      this.add(
        Math.max(0, this.text.search(/^%/m)),
        'file',
        'YAML directives are not used here',
        'remove the lines that begin with %',
      )
    }
    for (const error of [...document.errors, ...document.warnings].slice(0, 20)) {
      const remedy =
        SYNTAX_REMEDIES[error.code] ??
        'compare with an example in workshops/; quotes around the value often help'
      this.add(error.pos[0], null, `cannot be read: ${quoted(error.message)}`, remedy)
    }
    // Half a tree would produce missing fields that are not missing.
    if (this.problems.length > 0) return { root: null, problems: this.problems }
    if (document.contents === null) {
      this.add(0, 'file', 'is empty', 'start from an example in workshops/')
      return { root: null, problems: this.problems }
    }
    const root = this.node(document.contents, 'file', 0, 0)
    if (root.type === 'mapping') return { root, problems: this.problems }
    if (this.problems.length === 0)
      this.add(
        this.offsetOf(document.contents, 0),
        'file',
        'is not a list of fields',
        'write `name: value` lines, as in the examples in workshops/',
      )
    return { root: null, problems: this.problems }
  }

  private node(node: unknown, field: string, depth: number, fallback: number): SourceNode {
    const offset = this.offsetOf(node, fallback)
    const at = this.place(offset)
    if (isAlias(node)) {
      this.add(
        offset,
        field,
        'uses a YAML alias (*name)',
        'write the value out; a value that begins with * must stand in double quotes',
      )
      return { type: 'empty', at }
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return { type: 'empty', at }
    if (node.anchor !== undefined)
      this.add(
        offset,
        field,
        'uses a YAML anchor (&name)',
        'write the value out; a value that begins with & must stand in double quotes',
      )
    if (node.tag !== undefined)
      this.add(
        offset,
        field,
        `uses a YAML tag (${quoted(node.tag)})`,
        'remove the tag; a value that begins with ! must stand in double quotes',
      )
    if (isScalar(node)) return this.scalar(node, at)
    if (depth >= MAX_DEPTH) {
      this.add(
        offset,
        field,
        'is nested too deeply',
        'a workshop file needs no nesting beyond a list',
      )
      return { type: 'empty', at }
    }
    if (isSeq(node))
      return {
        type: 'list',
        at,
        items: node.items.map((item, index) =>
          this.node(item, `${field}[${index}]`, depth + 1, offset),
        ),
      }
    const entries = new Map<string, Entry>()
    for (const pair of node.items)
      this.entry(entries, pair, depth === 0 ? '' : `${field}.`, depth, offset)
    return { type: 'mapping', at, entries }
  }

  private entry(
    entries: Map<string, Entry>,
    pair: Pair,
    prefix: string,
    depth: number,
    fallback: number,
  ): void {
    const offset = this.offsetOf(pair.key, fallback)
    if (!isScalar(pair.key) || typeof pair.key.value !== 'string' || pair.key.value === '') {
      this.add(
        offset,
        prefix === '' ? 'file' : prefix.slice(0, -1),
        'has a field whose name is not a plain word',
        'write each field as `name: value`',
      )
      return
    }
    const key = pair.key.value
    const field = `${prefix}${fieldName(key)}`
    if (pair.key.anchor !== undefined || pair.key.tag !== undefined)
      this.add(offset, field, 'has an anchor or a tag on its name', 'write the name alone')
    if (key === '<<') {
      this.add(offset, field, 'YAML merge keys are not used here', 'write the fields out')
      return
    }
    const first = entries.get(key)
    if (first !== undefined) {
      this.add(
        offset,
        field,
        `is given twice; the first is on line ${first.keyAt.line}`,
        'keep one of the two',
      )
      return
    }
    entries.set(key, {
      key,
      keyAt: this.place(offset),
      value: this.node(pair.value, field, depth + 1, offset),
    })
  }

  private scalar(node: Scalar, at: Place): TextNode | EmptyNode {
    const text = typeof node.value === 'string' ? node.value : ''
    const isQuoted = node.type !== 'PLAIN'
    if (!isQuoted && /^(|~|null|Null|NULL)$/.test(text)) return { type: 'empty', at }
    return { type: 'text', text, isQuoted, at }
  }

  private offsetOf(node: unknown, fallback: number): number {
    return (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) && node.range
      ? node.range[0]
      : fallback
  }

  private place(offset: number): Place {
    const { line, col } = this.lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  private add(offset: number, field: string | null, message: string, remedy: string): void {
    this.problems.push({
      file: this.file,
      ...this.place(offset),
      field: field ?? this.fieldAbove(offset),
      message,
      remedy,
    })
  }

  /**
   * The last `name:` at the start of a line at or before the offset: where a person will look
   * first.
   */
  private fieldAbove(offset: number): string {
    const lineEnd = this.text.indexOf('\n', offset)
    const before = this.text.slice(0, lineEnd === -1 ? undefined : lineEnd)
    let field = 'file'
    for (const match of before.matchAll(/^([A-Za-z_]\w{0,60})[ \t]{0,8}:/gm))
      field = match[1] ?? field
    return field
  }
}

/** A field's name as messages carry it: a strange one is quoted. */
export function fieldName(key: string): string {
  return /^[\w-]{1,60}$/.test(key) ? key : quoted(key)
}

// Formats: each takes the text of a file and returns it with the change in it. What it cannot
// follow it refuses, so that no setting of yours is lost.

/** Why nothing is changed, for the person. */
export class Stop extends Error {}

const notFollowed = 'It is written in a way that this script does not follow'

export function json(text, { merge }) {
  let settings
  try {
    settings = text.trim() === '' ? {} : JSON.parse(text)
  } catch {
    throw new Stop('It is not plain JSON (a comment, perhaps)')
  }
  if (!isObject(settings)) throw new Stop('It holds no settings in JSON')
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  '
  return `${JSON.stringify(mergeInto(settings, merge), null, indent)}\n`
}

export const isObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function mergeInto(settings, merge) {
  const merged = { ...settings }
  for (const [name, value] of Object.entries(merge))
    merged[name] =
      isObject(value) && isObject(merged[name]) ? mergeInto(merged[name], value) : value
  return merged
}

/** Two names at the top, and one table; the rest stays as it is, comments included. */
export function toml(text, { top, table, entries }) {
  const [parent, child] = table.split('.')
  const kept = []
  let section = ''
  let open = null // inside a text or a list of several lines
  for (const line of text.split('\n')) {
    const header = open === null && tomlHeader.exec(line)
    if (open === null && !header && /^\s*\[/.test(line)) throw new Stop(notFollowed)
    if (header) section = header[1].replace(/\s*\.\s*/g, '.').replace(/["']/g, '')
    const name = open === null && !header ? /^\s*([\w."'-]+)\s*[.=]/.exec(line)?.[1] : undefined
    const plain = name?.replace(/["']/g, '')
    const first = plain?.split('.')[0]
    if ((section === '' && first === parent) || (section === parent && first === child))
      throw new Stop(`It sets ${table} in a line of its own`)
    const before = open
    open = stillOpen(line, open)
    const replaced =
      section === table ||
      section.startsWith(`${table}.`) ||
      (section === '' && before === null && plain !== undefined && plain in top)
    if (replaced && section === '' && open !== null)
      throw new Stop(`It sets ${plain} over several lines`)
    const comment = before === null && /^\s*#/.test(line)
    if (!replaced || comment) kept.push(line)
  }
  if (open !== null) throw new Stop('It ends inside a text or a list')
  const line = ([name, value]) => `${name} = ${JSON.stringify(value)}`
  const rest = kept.join('\n').replace(/^\n+|\n+$/g, '')
  return [
    ...Object.entries(top).map(line),
    ...(rest === '' ? [] : ['', rest]),
    '',
    `[${table}]`,
    ...Object.entries(entries).map(line),
    '',
  ].join('\n')
}

/** The name of a table, in which a path in quotes may hold brackets. */
const tomlHeader = /^\s*\[\[?\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\]"'])+?)\s*\]\]?\s*(?:#.*)?$/

/** What a line of TOML leaves open: a text of several lines (its quotes) or a list (its depth). */
function stillOpen(line, open) {
  let depth = typeof open === 'number' ? open : 0
  let quotes = typeof open === 'string' ? open : null
  // A header's brackets open nothing.
  if (open === null && /^\s*\[/.test(line)) return null
  for (let at = 0; at < line.length; at++) {
    const three = line.slice(at, at + 3)
    const one = line[at]
    if (quotes !== null) {
      if (one === '\\' && quotes[0] === '"') at++
      else if (line.startsWith(quotes, at)) {
        at += quotes.length - 1
        quotes = null
      }
    } else if (one === '#') break
    else if (three === '"""' || three === "'''") {
      quotes = three
      at += 2
    } else if (one === '"' || one === "'") quotes = one
    else if (one === '[' || one === '{') depth++
    else if (one === ']' || one === '}') depth--
  }
  if (quotes !== null && quotes.length === 3) return quotes
  return depth > 0 ? depth : null
}

/** Names at the top, and items at the head of lists; the rest stays as it is, comments included. */
export function yaml(text, { set = {}, setIfAbsent = {}, lists = {} }) {
  let lines = text.split('\n')
  const nameOf = (line) => /^(["']?)([\w-]+)\1\s*:(?=\s|$)/.exec(line)?.[2]
  const start = lines.find((line) => !/^\s*(#.*)?$|^(---\s*$|%)/.test(line)) ?? ''
  // Names at the left of one document; a line that others refer to cannot go.
  if (!/^(["'\w]|$)/.test(start) || lines.some((line, at) => at > 0 && /^---/.test(line)))
    throw new Stop(notFollowed)
  const requireFree = (gone) => {
    if (gone.some((line) => /^[^#"']*[:-]\s+&[\w-]/.test(line))) throw new Stop(notFollowed)
  }
  const find = (name) => lines.findIndex((line) => nameOf(line) === name)
  /** Where the value of the name in this line ends: at the next line that is not deeper. */
  const endOf = (at) => {
    let end = at + 1
    while (end < lines.length && /^(\s|-|#|$)/.test(lines[end])) end++
    while (end > at + 1 && /^\s*(#.*)?$/.test(lines[end - 1])) end--
    return end
  }
  const append = (...added) => {
    while (lines.length > 0 && lines.at(-1).trim() === '') lines.pop()
    lines.push(...added, '')
  }
  for (const [name, value] of Object.entries({ ...setIfAbsent, ...set })) {
    const at = find(name)
    const line = `${name}: ${JSON.stringify(value)}`
    if (at === -1) append(line)
    else if (name in set) requireFree(lines.splice(at, endOf(at) - at, line))
  }
  for (const [name, items] of Object.entries(lists)) {
    const at = find(name)
    const itemLines = (indent) =>
      items.flatMap((item) => item.map((line, n) => `${indent}${n === 0 ? '- ' : '  '}${line}`))
    if (at === -1) {
      append(`${name}:`, ...itemLines('  '))
      continue
    }
    if (!/:\s*(#.*)?$/.test(lines[at]))
      throw new Stop(`It has its list of ${name} in one line; write one item a line`)
    const end = endOf(at)
    const first = lines.slice(at + 1, end).find((line) => /^\s*-/.test(line))
    const indent = /^\s*/.exec(first ?? '  ')[0]
    // An item that this script has written before goes.
    const heads = items.map(([line]) => headOf(line))
    const old = []
    let dropped = false
    for (const line of lines.slice(at + 1, end)) {
      const item = line.startsWith(`${indent}- `) ? line.slice(indent.length + 2) : null
      if (item !== null) dropped = heads.includes(headOf(item))
      if (!dropped || /^\s*#/.test(line)) old.push(line)
      else requireFree([line])
    }
    lines.splice(at + 1, end - at - 1, ...itemLines(indent), ...old)
  }
  return lines.join('\n')
}

/** What tells an item from others: the name before "=", or its whole first line. */
const headOf = (line) => line.replace(/["']/g, '').trim().replace(/=.*/, '=')

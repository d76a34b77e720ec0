/**
 * Holds `eslint.words.list.js`: as a rule of ESLint over names, strings, JSX and comments, and as a
 * program over pages that ESLint does not read. `node eslint.words.js [file or folder …]` checks
 * pages and exits with 1 when it finds one of the words.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { phrases, sentences, words } from './eslint.words.list.js'

/** `mostPerPass`, `most-per-pass` and `MOST_PER_PASS` have the same parts. */
const partsOf = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.toLowerCase())

const plain = (text) => text.replace(/\s+/g, ' ').replace(/[’‘]/g, "'")
const escaped = (text) => plain(text).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const turns = [
  ...phrases,
  ...sentences.map(([sentence, use]) => [
    // A short label is compared with its capital, a sentence without.
    new RegExp(`(?<!\\w)${escaped(sentence)}(?!\\w)`, sentence.split(' ').length > 3 ? 'i' : ''),
    use,
  ]),
]

const looksIn = (entry, context, file) =>
  (entry.in?.includes(context) ?? true) && (entry.files?.test(file) ?? true)

/** What is wrong with an identifier or the name of a file. */
function findInName(name, file) {
  const parts = partsOf(name)
  return words
    .filter((entry) => looksIn(entry, 'name', file) && !entry.allow?.test(name))
    .filter(
      (entry) => entry.name?.test(name) || (entry.part && parts.some((it) => entry.part.test(it))),
    )
    .map((entry) => ({ found: name, use: entry.use }))
}

/** What is wrong with a string that is a code rather than a sentence. */
function findInValue(value) {
  return words
    .filter((entry) => entry.value?.test(value))
    .map((entry) => ({ found: value, use: entry.use }))
}

/** What is wrong with a sentence. `context` is text, comment or docs. */
function findInProse(raw, context, file) {
  const text = plain(raw)
  const prose = words
    .filter((entry) => entry.prose && looksIn(entry, context, file))
    .map((entry) => [entry.prose, entry.use, entry.allowProse])
  return [...prose, ...turns].flatMap(([pattern, use, allowed]) => {
    const rest = allowed ? text.replace(new RegExp(allowed.source, 'gi'), '…') : text
    return [...rest.matchAll(new RegExp(pattern.source, `${pattern.flags}g`))].map(([found]) => ({
      found: found.trim(),
      use,
    }))
  })
}

// --- The rule ----------------------------------------------------------------------------------

const sqlTag = /(sql|raw|queryRaw|executeRaw|queryRawUnsafe|executeRawUnsafe)$/i
const sqlStart =
  /^\s*(select|insert|update|delete|with|create|alter|drop|truncate|set|begin|lock|explain|call|do)\s/
const sqlWord = /^[^A-Z]*\b(from|into|set|table|select|as|database|schema|role|index|trigger|on)\b/
const isSql = (text) => sqlStart.test(text) && sqlWord.test(text)
const withoutCode = (text) => text.replace(/`[^`]*`/g, '`…`').replace(/https?:\S+/g, '…')

const isClassList = (text) => {
  const tokens = text.trim().split(/\s+/)
  return (
    !/[A-Z.,?!’]/.test(text.replace(/\[[^\]]*\]/g, '')) &&
    tokens.filter((token) => /[-:[\]/]/.test(token)).length * 2 >= tokens.length
  )
}
const insideClass = (node) => {
  for (let at = node; at; at = at.parent) {
    if (at.type === 'JSXAttribute') return /class(Name)?$/i.test(String(at.name.name))
    if (at.type === 'JSXElement' || at.type === 'FunctionDeclaration') return false
  }
  return false
}
const tagName = (tag) => {
  const callee = tag.type === 'TSInstantiationExpression' ? tag.expression : tag
  return callee.type === 'MemberExpression' ? (callee.property.name ?? '') : (callee.name ?? '')
}
const isHeading = (element) =>
  /^(h[1-6]|Heading|Title)$/.test(element.openingElement.name.name ?? '')
const headingProps = new Set(['title', 'heading', 'headline'])

const wordsRule = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Holds eslint.words.list.js, the words that are not used.' },
    messages: {
      word: '“{{found}}” is not used here. Instead: {{use}}',
      heading: 'A heading has no full stop.',
    },
    schema: [],
  },
  create(context) {
    const { sourceCode } = context
    const file = path.relative(context.cwd, context.filename).replaceAll('\\', '/')
    const report = (findings, where) => {
      for (const data of findings) context.report({ ...where, messageId: 'word', data })
    }
    const names = (node, name) => report(findInName(name, file), { node })
    const key = (node) => {
      if (!node.computed && node.key?.type === 'Identifier' && !node.shorthand)
        names(node.key, node.key.name)
    }
    const headings = (node) => {
      for (const { last, text } of endsOf(node))
        if (/[^.…]\.\s*$/.test(text)) context.report({ node: last, messageId: 'heading' })
    }
    const reads = (node, text) => {
      if (insideClass(node) || isSql(text) || isClassList(text)) return
      report(findInProse(withoutCode(text), 'text', file), { node })
    }

    return {
      Program() {
        const base = path.basename(file)
        report(findInName(base.replace(/\.(server|test|spec)?\.?\w+$/, ''), file), {
          loc: { line: 1, column: 0 },
        })
        for (const { text, loc } of blocksOf(sourceCode.getAllComments()))
          report(findInProse(withoutCode(text), 'comment', file), { loc })
        for (const scope of sourceCode.scopeManager.scopes)
          for (const variable of scope.variables)
            for (const { type, name } of variable.defs)
              if (type !== 'ImportBinding' && name?.type === 'Identifier' && !isShorthand(name))
                names(name, name.name)
      },
      'ObjectExpression > Property'(node) {
        key(node)
        if (headingProps.has(node.key.name)) headings(node.value)
      },
      JSXAttribute(node) {
        if (headingProps.has(node.name.name)) headings(node.value)
      },
      TSPropertySignature: key,
      TSMethodSignature: key,
      PropertyDefinition: key,
      MethodDefinition: key,
      Literal(node) {
        if (typeof node.value !== 'string' || /^(Import|Export)/.test(node.parent.type)) return
        const { value } = node
        if (/\s/.test(value) || /^[A-Z][a-z]+[?.!]?$/.test(value)) reads(node, value)
        else report(findInValue(value), { node })
      },
      TemplateLiteral(node) {
        if (
          node.parent.type === 'TaggedTemplateExpression' &&
          sqlTag.test(tagName(node.parent.tag))
        )
          return
        reads(node, node.quasis.map((quasi) => quasi.value.cooked ?? '').join(' … '))
      },
      JSXText(node) {
        reads(node, node.value)
      },
      JSXElement(node) {
        const last = node.children.filter((it) => it.type !== 'JSXText' || it.value.trim()).at(-1)
        if (isHeading(node)) headings(last)
      },
    }
  },
}

/** The texts that a heading can end in. */
function endsOf(node) {
  if (node?.type === 'JSXExpressionContainer') return endsOf(node.expression)
  if (node?.type === 'ConditionalExpression')
    return [...endsOf(node.consequent), ...endsOf(node.alternate)]
  if (node?.type === 'TemplateLiteral')
    return [{ last: node, text: `…${node.quasis.at(-1).value.cooked}` }]
  if (node?.type === 'JSXText' || typeof node?.value === 'string')
    return [{ last: node, text: node.value }]
  return []
}
/** `({ a })` takes the name that a type declares; the type is where it is reported. */
const isShorthand = (name) => {
  const property = name.parent?.type === 'AssignmentPattern' ? name.parent.parent : name.parent
  return property?.type === 'Property' && property.shorthand
}

/** Comments as a person reads them: lines of `//` that follow each other are one. */
function blocksOf(comments) {
  const blocks = []
  for (const comment of comments) {
    if (/^\s*(eslint|@ts-|prettier)/.test(comment.value)) continue
    const text = comment.value.replace(/^\s*\*+ ?/gm, '')
    const last = blocks.at(-1)
    if (comment.type === 'Line' && last?.line && last.loc.end.line + 1 === comment.loc.start.line) {
      last.text += ` ${text}`
      last.loc = { start: last.loc.start, end: comment.loc.end }
    } else blocks.push({ text, loc: { ...comment.loc }, line: comment.type === 'Line' })
  }
  return blocks
}

export const wordsPlugin = { rules: { words: wordsRule } }

// --- The pages ---------------------------------------------------------------------------------

const readers = [
  [/\.md$/, proseOfMarkdown],
  [/\.ya?ml$/, (text) => linesOf(text, (line) => line)],
  [/\.prisma$/, (text) => linesOf(text, (line) => /\/\/+(.*)$/.exec(line)?.[1] ?? '')],
  [
    /^\.env\.example$/,
    (text) => linesOf(text, (line) => /^# (?![A-Z_]+=)(.*)$/.exec(line)?.[1] ?? ''),
  ],
]
// Decisions are never edited, so they keep the words of their day.
const skipped =
  /(^|\/)(node_modules|build|\.git|\.keymint|\.cache|test-results|playwright-report)(\/|$)|^docs\/decisions\//

/** Consecutive lines are one text, so that a phrase is found across a line break. */
function linesOf(text, pick) {
  const blocks = []
  let open = null
  text.split('\n').forEach((line, index) => {
    const picked = pick(line).trim()
    if (picked === '') open = null
    else if (open && !/^([|#>]|[-*] |\d+\. )/.test(picked)) open.text += ` ${picked}`
    else blocks.push((open = { line: index + 1, text: picked }))
  })
  return blocks
}

function proseOfMarkdown(text) {
  let fence = false
  return linesOf(text, (line) => {
    if (/^\s*```/.test(line)) {
      fence = !fence
      return ''
    }
    return fence || /^ {4}/.test(line) ? '' : withoutCode(line).replace(/\]\([^)]*\)/g, ']')
  })
}

const filesUnder = (place) =>
  statSync(place).isDirectory()
    ? readdirSync(place)
        .map((name) => path.join(place, name))
        .filter((name) => !skipped.test(name))
        .flatMap(filesUnder)
    : [path.normalize(place)]

/** Every finding in one page, as `file:line message`. */
export function checkPage(file, text) {
  const reader = readers.find(([pattern]) => pattern.test(path.basename(file)))?.[1]
  const words = (reader?.(text) ?? []).flatMap((block) =>
    findInProse(block.text, 'docs', file).map(
      ({ found, use }) => `${file}:${block.line} “${found}” is not used here. Instead: ${use}`,
    ),
  )
  const headings = file.endsWith('.md')
    ? linesOf(text, (line) => (/^#+ .*[^.…]\.$/.test(line) ? line : '')).map(
        ({ line }) => `${file}:${line} A heading has no full stop.`,
      )
    : []
  return [...words, ...headings]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const places = process.argv.length > 2 ? process.argv.slice(2) : ['.']
  const found = places
    .flatMap(filesUnder)
    .flatMap((file) =>
      readers.some(([pattern]) => pattern.test(path.basename(file)))
        ? checkPage(file, readFileSync(file, 'utf8'))
        : [],
    )
  const lines = found.length > 0 ? [...found, `${found.length} that are not used here.`] : []
  process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  process.exitCode = found.length > 0 ? 1 : 0
}

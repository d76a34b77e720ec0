/**
 * The source of the product as the TypeScript compiler sees it: which files are walked, what an
 * identifier stands for, who calls a function.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

export const root = path.resolve(import.meta.dirname, '../..')

export type Source = {
  checker: ts.TypeChecker
  /** The files that are walked: app and jobs without tests and without Prisma's client. */
  files: ts.SourceFile[]
  isProduct(file: ts.SourceFile): boolean
  /** "app/domain/keys/gate.server.ts", and the line, from one. */
  placeOf(node: ts.Node): { file: string; line: number }
  /** The declaration behind an identifier, through imports. */
  declarationOf(name: ts.Node): ts.Declaration | undefined
  /** Every call of a function in the files that are walked. */
  callsOf(declaration: ts.Declaration): ts.CallExpression[]
  /** Whether a value of the type is, or holds, a fragment of SQL. */
  holdsSql(type: ts.Type): boolean
  isSql(type: ts.Type): boolean
}

/** `extra` are files that are not on disk, by their path: a test that shows what a fault is. */
export function readSource(extra: Record<string, string> = {}): Source {
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(root, 'tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  )
  if (!config) throw new Error('tsconfig.json cannot be read')
  const virtual = new Map(
    Object.entries(extra).map(([name, text]) => [path.join(root, name), text]),
  )
  const walked = [...config.fileNames.filter(isWalked), ...virtual.keys()]
  const program = ts.createProgram(walked, config.options, hostWith(virtual, config.options))
  const checker = program.getTypeChecker()
  const names = new Set(walked.map((name) => path.resolve(name)))
  const files = program.getSourceFiles().filter(({ fileName }) => names.has(path.resolve(fileName)))
  const productFiles = new Set(files)
  const declarationOf = (name: ts.Node) => {
    let symbol = checker.getSymbolAtLocation(name)
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol)
    return symbol?.valueDeclaration ?? symbol?.declarations?.[0]
  }
  const { isSql, holdsSql } = sqlTypes(checker, productFiles)
  const calls = callIndex(files)
  return {
    checker,
    files,
    isProduct: (file) => productFiles.has(file),
    placeOf: (node) => {
      const file = node.getSourceFile()
      return {
        file: path.relative(root, file.fileName),
        line: file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1,
      }
    },
    declarationOf,
    callsOf: (declaration) =>
      (calls.get(nameOfFunction(declaration) ?? '') ?? []).filter(
        ({ expression }) => declarationOf(expression) === declaration,
      ),
    isSql,
    holdsSql,
  }
}

/** Pages are read only where one names a means of raw SQL: their types are most of the work. */
const isWalked = (file: string) =>
  /^(app|jobs)\//.test(path.relative(root, file)) &&
  !/\.test\.tsx?$/.test(file) &&
  !file.includes('/prisma-client/') &&
  (!file.endsWith('.tsx') ||
    /\$(query|execute)Raw|Prisma\.|\.query\(/.test(readFileSync(file, 'utf8')))

function hostWith(virtual: Map<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (name) => virtual.has(name) || fileExists.call(host, name)
  host.readFile = (name) => virtual.get(name) ?? readFile.call(host, name)
  host.getSourceFile = (name, ...rest) => {
    const text = virtual.get(name)
    return text === undefined
      ? getSourceFile.call(host, name, ...rest)
      : ts.createSourceFile(name, text, rest[0], true)
  }
  return host
}

/** The name by which a function is called: its own, or that of the constant that holds it. */
export function nameOfFunction(node: ts.Node): string | undefined {
  if (
    (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) &&
    node.name &&
    ts.isIdentifier(node.name)
  )
    return node.name.text
  if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) return node.name.text
  if ((ts.isArrowFunction(node) || ts.isFunctionExpression(node)) && node.parent)
    return ts.isVariableDeclaration(node.parent) ? nameOfFunction(node.parent) : undefined
  return undefined
}

/** Visits a node and everything in it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

function callIndex(files: ts.SourceFile[]): Map<string, ts.CallExpression[]> {
  const calls = new Map<string, ts.CallExpression[]>()
  for (const file of files)
    walk(file, (node) => {
      if (!ts.isCallExpression(node)) return
      const { expression } = node
      const name = ts.isIdentifier(expression)
        ? expression.text
        : ts.isPropertyAccessExpression(expression)
          ? expression.name.text
          : undefined
      if (name !== undefined) calls.set(name, [...(calls.get(name) ?? []), node])
    })
  return calls
}

function sqlTypes(checker: ts.TypeChecker, product: Set<ts.SourceFile>) {
  const isSql = (type: ts.Type): boolean =>
    type.isUnion() ? type.types.some(isSql) : type.getSymbol()?.name === 'Sql'
  const known = new Map<ts.Type, boolean>()
  // Only through the product's own types: a database's client speaks of Sql in every corner.
  const isOurs = (symbol: ts.Symbol | undefined) =>
    symbol?.declarations?.every((node) => product.has(node.getSourceFile())) ?? false
  const look = (type: ts.Type, depth: number): boolean => {
    if (isSql(type)) return true
    if (depth === 0) return false
    if (type.isUnionOrIntersection()) return type.types.some((part) => look(part, depth))
    if (checker.isArrayType(type) || checker.isTupleType(type))
      return checker.getTypeArguments(type as ts.TypeReference).some((item) => look(item, depth))
    if (type.getCallSignatures().length > 0)
      return type
        .getCallSignatures()
        .some((signature) => look(checker.getReturnTypeOfSignature(signature), depth - 1))
    const isObject = type.flags & ts.TypeFlags.Object
    return (
      isObject !== 0 &&
      type
        .getProperties()
        .some((property) => isOurs(property) && look(checker.getTypeOfSymbol(property), depth - 1))
    )
  }
  return {
    isSql,
    holdsSql: (type: ts.Type) => {
      const answer = known.get(type) ?? look(type, 3)
      known.set(type, answer)
      return answer
    },
  }
}

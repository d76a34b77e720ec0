/** Whether a mutant is a program at all: one that the compiler refuses is no mutant. */
import path from 'node:path'
import ts from 'typescript'
import { applied, type Mutant } from './mutant'

export class Types {
  private readonly texts = new Map<string, { text: string; version: number }>()
  private readonly service: ts.LanguageService

  constructor(
    private readonly root: string,
    files: string[],
  ) {
    const config = path.join(root, 'tsconfig.json')
    const read = ts.readConfigFile(config, ts.sys.readFile) as { config: object }
    const { options } = ts.parseJsonConfigFileContent({ ...read.config, include: [] }, ts.sys, root)
    const textOf = (file: string) => this.texts.get(file)?.text ?? ts.sys.readFile(file)
    this.service = ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => files.map((file) => path.join(root, file)),
      getScriptVersion: (file) => String(this.texts.get(file)?.version ?? 0),
      getScriptSnapshot: (file) => {
        const text = textOf(file)
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    })
  }

  accepts(mutant: Mutant): boolean {
    if (mutant.language === 'sql') return true
    const file = path.join(this.root, mutant.file)
    const version = (this.texts.get(file)?.version ?? 0) + 1
    const text = ts.sys.readFile(file) ?? ''
    this.texts.set(file, { text: applied(text, mutant), version })
    const errors = [
      ...this.service.getSyntacticDiagnostics(file),
      ...this.service.getSemanticDiagnostics(file),
    ].filter(({ category }) => category === ts.DiagnosticCategory.Error)
    this.texts.set(file, { text, version: version + 1 })
    return errors.length === 0
  }
}

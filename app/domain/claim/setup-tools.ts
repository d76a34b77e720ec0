/** What a setup in one line is offered for, and for how long a code counts. */
import type { ToolId } from '../workshop-file'

/** The tools that can be set up in one line: those with a configuration file of their own. */
export const setupTools = [
  'claude-code',
  'codex',
  'opencode',
  'aider',
  'continue',
  'goose',
] as const satisfies readonly ToolId[]

export type SetupTool = (typeof setupTools)[number]

export const isSetupTool = (text: string): text is SetupTool =>
  (setupTools as readonly string[]).includes(text)

export const setupMinutes = 10

/** How long the name of a computer may be. */
export const maxMachine = 64

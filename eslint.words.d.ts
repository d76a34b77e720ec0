import type { ESLint, Rule } from 'eslint'

export type Finding = { found: string; use: string }
export function findInName(name: string, file: string): Finding[]
export function findInValue(value: string): Finding[]
export function findInProse(
  raw: string,
  context: 'text' | 'comment' | 'docs',
  file: string,
): Finding[]
export function checkPage(file: string, text: string): string[]
export const wordsRule: Rule.RuleModule
export const wordsPlugin: ESLint.Plugin

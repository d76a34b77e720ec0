import type { ESLint } from 'eslint'

export const wordsPlugin: ESLint.Plugin
/** Every finding in one page, as `file:line message`. */
export function checkPage(file: string, text: string): string[]

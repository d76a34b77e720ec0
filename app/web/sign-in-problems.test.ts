import { expect, test } from 'vitest'
import { findSignInProblem, signInProblems } from './sign-in-problems'

test.each(Object.keys(signInProblems))(
  '%s says what happened, what it means and what to do',
  (code) => {
    for (const provider of ['github', 'google', null]) {
      const problem = findSignInProblem(code, provider)
      for (const text of [problem?.title, problem?.meaning, problem?.next])
        expect(text).toMatch(/^[A-Z][^{}]+/)
    }
  },
)

test.each([null, '', 'nonsense', 'toString', '__proto__', '<b>'])(
  '%j is no problem of ours and shows nothing',
  (code) => {
    expect(findSignInProblem(code, 'github')).toBeNull()
  },
)

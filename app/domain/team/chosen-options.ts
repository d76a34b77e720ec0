import { isChoice, type KeyOption } from '~/adapters/service-adapter'

/** One choice for each option, the first where none was made; null when one is not offered. */
export function chosenOptions(
  options: readonly KeyOption[],
  chosen: Record<string, string>,
): Record<string, string> | null {
  const all: Record<string, string> = {}
  for (const option of options)
    all[option.name] = chosen[option.name] ?? option.choices[0]?.value ?? ''
  return Object.entries({ ...all, ...chosen }).every(([name, value]) =>
    isChoice(options, name, value),
  )
    ? all
    : null
}

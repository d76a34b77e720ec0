import { useEffect, useState } from 'react'
import { copyText, selectAll } from '~/client/copy'
import { Button } from './button'
import { useHydrated } from './hydrated'
import { CheckIcon, CopyIcon } from './icons'
import { useSay } from './say'

/**
 * Copies a text of the page, or selects it where the clipboard is blocked. Until the script runs its
 * place is kept empty, so that nothing moves when it appears.
 */
export function CopyButton({
  text,
  label,
  targetId,
}: {
  text: string
  label: string
  targetId: string
}) {
  const hydrated = useHydrated()
  const say = useSay()
  const [state, setState] = useState<'idle' | 'copied' | 'selected'>('idle')
  useEffect(() => {
    if (state === 'idle') return
    const timer = setTimeout(() => setState('idle'), 2500)
    return () => clearTimeout(timer)
  }, [state])
  async function copy() {
    const copied = await copyText(text)
    const target = document.getElementById(targetId)
    if (!copied && target) selectAll(target)
    setState(copied ? 'copied' : 'selected')
    say(
      copied
        ? `Copied ${label}.`
        : `Your browser blocks the clipboard. ${label} is selected: press Control C.`,
    )
  }
  return (
    <Button
      kind="plain"
      className={`no-print shrink-0 ${hydrated ? '' : 'needs-script'}`}
      aria-label={`${state === 'copied' ? 'Copied' : 'Copy'} ${label}`}
      onClick={() => void copy()}
    >
      {state === 'copied' ? <CheckIcon size={18} /> : <CopyIcon size={18} />}
      <span className={state === 'idle' ? 'max-sm:sr-only' : ''}>
        {state === 'copied' ? 'Copied' : state === 'selected' ? 'Press Ctrl+C' : 'Copy'}
      </span>
    </Button>
  )
}

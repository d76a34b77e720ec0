/** Copies a snippet with the key in it. The key is fetched for the copy and kept nowhere. */
import { useContext, useEffect, useState } from 'react'
import { copyText } from '~/client/copy'
import { fetchKey, problemOf } from '~/client/use-revealed-key'
import { Button } from '../base/button'
import { useHydrated } from '../base/hydrated'
import { CheckIcon, CopyIcon } from '../base/icons'
import { useSay } from '../base/say'
import { revealProblems } from './reveal-problems'
import { RevealUrl } from './reveal-url'
import { withKey } from './snippets'

export function CopyWithKey({ text, label }: { text: string; label: string }) {
  const url = useContext(RevealUrl)
  const hydrated = useHydrated()
  const say = useSay()
  const [state, setState] = useState<'idle' | 'busy' | 'copied' | 'blocked'>('idle')
  useEffect(() => {
    if (state !== 'copied' && state !== 'blocked') return
    const timer = setTimeout(() => setState('idle'), 2500)
    return () => clearTimeout(timer)
  }, [state])
  if (url === null) return null

  async function copy(revealUrl: string) {
    setState('busy')
    try {
      const fetched = fetchKey(revealUrl).then(({ key }) => withKey(text, key))
      const copied = await copyText(() => fetched)
      setState(copied ? 'copied' : 'blocked')
      say(copied ? `Copied ${label} with your key.` : 'Your browser blocks the clipboard.')
    } catch (error) {
      setState('blocked')
      const { title, next } = revealProblems[problemOf(error)]
      say(`${title}. ${next}`)
    }
  }
  const shown =
    state === 'copied' ? 'Copied' : state === 'blocked' ? 'Not copied' : 'Copy with my key'
  return (
    <Button
      className={`no-print shrink-0 ${hydrated ? '' : 'needs-script'}`}
      busy={state === 'busy'}
      busyText="Copying…"
      aria-label={`${shown}: ${label}`}
      onClick={() => void copy(url)}
    >
      {state === 'copied' ? <CheckIcon size={18} /> : <CopyIcon size={18} />}
      {shown}
    </Button>
  )
}

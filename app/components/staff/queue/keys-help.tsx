import { useRef, type RefObject } from 'react'
import { Button } from '../../base/button'
import { useHydrated } from '../../base/hydrated'

const keys = [
  ['j', 'next job'],
  ['k', 'previous job'],
  ['x', 'select or deselect'],
  ['r', 'run or retry now'],
  ['Enter', 'open'],
  ['/', 'search'],
  ['?', 'this help'],
] as const

export const useHelpDialog = () => useRef<HTMLDialogElement>(null)

/** What the keys do; shown only where a script runs. */
export function KeysHelp({ dialog }: { dialog: RefObject<HTMLDialogElement> }) {
  if (!useHydrated()) return null
  return (
    <>
      <Button
        kind="quiet"
        className="!min-h-9 !text-small max-md:hidden"
        onClick={() => dialog.current?.showModal()}
      >
        Keys
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby="keys-help"
        className="m-auto rounded-card border border-edge bg-raised p-6 text-ink backdrop:bg-[oklch(0.16_0.02_160/0.5)]"
      >
        <h2 id="keys-help" className="text-head">
          Keys
        </h2>
        <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
          {keys.map(([key, label]) => (
            <div key={key} className="contents">
              <dt>
                <kbd className="rounded-tag border border-edge px-2 py-0.5 font-mono text-small">
                  {key}
                </kbd>
              </dt>
              <dd>{label}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog" className="mt-5">
          <Button type="submit">Close</Button>
        </form>
      </dialog>
    </>
  )
}

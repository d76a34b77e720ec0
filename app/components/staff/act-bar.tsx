import type { ClaimFilter } from '~/domain/claim/actions'

/** The name of the form that the table's checkboxes belong to. */
export const actForm = 'act-on-claims'

/** What can be asked for from the list; each is previewed and confirmed on a page of its own. */
export const actionChoices = [
  { value: 'bind', words: 'Attach limits again' },
  { value: 'retry', words: 'Make the key again' },
  { value: 'disable', words: 'Disable the key' },
  { value: 'enable', words: 'Enable the key' },
  { value: 'set-limit', words: 'Set another cap' },
  { value: 're-issue', words: 'Issue a new key with what is left' },
  { value: 'extend', words: 'Extend: a new key with a later end' },
  { value: 'revoke', words: 'Revoke the key' },
] as const

/**
 * A form of its own beside the table: the boxes in the rows name it. Asks first, so it is a GET and
 * works without a script.
 */
export function ActBar({
  action,
  filter,
  matching,
}: {
  action: string
  filter: ClaimFilter
  matching: string
}) {
  return (
    <form
      id={actForm}
      method="get"
      action={action}
      className="flex flex-wrap items-end gap-x-4 gap-y-2 rounded-box border border-rule bg-raised px-4 py-3"
    >
      {filter.state ? <input type="hidden" name="state" value={filter.state} /> : null}
      {filter.fact ? <input type="hidden" name="fact" value={filter.fact} /> : null}
      {filter.text ? <input type="hidden" name="text" value={filter.text} /> : null}
      <div className="min-w-0">
        <label htmlFor="act-action" className="block text-small font-semibold">
          With the ticked claims
        </label>
        <select
          id="act-action"
          name="action"
          className="mt-1 min-h-11 max-w-full rounded-box border border-edge bg-raised px-3"
        >
          {actionChoices.map(({ value, words }) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </div>
      <label className="flex min-h-11 items-center gap-2">
        <input type="checkbox" name="all" value="yes" className="size-5 accent-ink" />
        or with all {matching} that match
      </label>
      <button type="submit" className="button" data-kind="ink">
        Continue
      </button>
    </form>
  )
}

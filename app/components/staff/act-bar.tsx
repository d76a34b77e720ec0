import type { ClaimFilter } from '~/domain/claim/actions'
import { actionChoices, isDangerous, ownActionOf } from './act-messages'

/** The name of the form that the table's checkboxes belong to. */
export const actForm = 'act-on-claims'

/**
 * A form of its own beside the table: the boxes in the rows name it. It only previews, so it is a
 * GET and works without a script.
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
  const own = ownActionOf(filter)
  return (
    <form
      id={actForm}
      method="get"
      action={action}
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-y border-rule py-1 max-sm:order-last"
    >
      {filter.state ? <input type="hidden" name="state" value={filter.state} /> : null}
      {filter.fact ? <input type="hidden" name="fact" value={filter.fact} /> : null}
      {filter.text ? <input type="hidden" name="text" value={filter.text} /> : null}
      <div className="flex min-w-0 flex-wrap items-center gap-x-3">
        <label htmlFor="act-action" className="text-small font-semibold">
          With the selected claims
        </label>
        <select
          id="act-action"
          key={`${filter.state} ${filter.fact}`}
          name="action"
          defaultValue={own}
          className="min-h-11 max-w-full rounded-box border border-edge bg-raised px-3"
        >
          {actionChoices
            .filter((choice) => !isDangerous(choice))
            .sort((a, b) => Number(b.value === own) - Number(a.value === own))
            .map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          <optgroup label="Takes keys away">
            {actionChoices.filter(isDangerous).map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </optgroup>
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

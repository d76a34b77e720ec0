/** The page on which a person is chosen. */
import { escape } from './answers'
import type { Provider } from './people'

/**
 * The emulator's picker with our people only, the hidden fields we need, a filter and a way to
 * cancel. Works without JavaScript, as the emulator's own page does; the filter alone needs it.
 */
export function pickerPage(
  html: string,
  options: {
    provider: Provider
    key: 'login' | 'email'
    hidden: Record<string, string>
    cancelUrl: string
    describe(id: string): { name: string; email: string; note?: string } | undefined
  },
): string {
  const forms = (html.match(/<form class="user-form"[\s\S]*?<\/form>/g) ?? []).flatMap((form) => {
    const id = unescapeHtml(
      new RegExp(`name="${options.key}" value="([^"]*)"`).exec(form)?.[1] ?? '',
    )
    const person = options.describe(id)
    if (!person) return []
    const hidden = { [options.key]: id, ...options.hidden }
    const action = /action="([^"]*)"/.exec(form)?.[1] ?? ''
    const email =
      person.email && person.email !== id
        ? ` <span class="user-email" style="display:block">${escape(person.email)}</span>`
        : ''
    const meta = person.note ? `${person.name} · ${person.note}` : person.name
    return [
      `<form class="user-form" method="post" action="${action}">${Object.entries(hidden)
        .map(
          ([name, value]) =>
            `<input type="hidden" name="${escape(name)}" value="${escape(value)}"/>`,
        )
        .join('')}
<button type="submit" class="user-btn" data-login="${escape(id)}">
<span class="avatar" aria-hidden="true">${escape((id[0] ?? '?').toUpperCase())}</span>
<span class="user-text"><span class="user-login">${escape(id)}</span>
<span class="user-meta" style="display:block">${escape(meta)}</span>${email}</span></button></form>`,
    ]
  })
  const start = html.indexOf('<form class="user-form"')
  const end = html.lastIndexOf('</form>') + '</form>'.length
  if (start < 0) return html
  const tools = `<style>
.user-meta,.user-email,.card-subtitle{color:#8fe08f}
#filter{box-sizing:border-box;width:100%;margin-bottom:12px;padding:10px;font:inherit;color:inherit;
background:transparent;border:1px solid currentColor;border-radius:6px}
#cancel{display:inline-block;margin-bottom:16px}
</style>
<p><input id="filter" type="search" aria-label="Filter people" autocomplete="off"
placeholder="Filter ${forms.length} people by name, login or address"></p>
<p><a id="cancel" href="${escape(options.cancelUrl)}" style="color:inherit">Cancel</a></p>`
  const script = `<script>
const box = document.getElementById('filter')
box.addEventListener('input', () => {
  const terms = box.value.toLowerCase().split(/\\s+/)
  for (const form of document.querySelectorAll('.user-form')) {
    const text = form.textContent.toLowerCase()
    form.hidden = !terms.every((term) => text.includes(term))
  }
})
box.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') document.querySelector('.user-form:not([hidden]) button')?.click()
})
</script>`
  return `${html.slice(0, start)}${tools}${forms.join('\n')}${script}${html.slice(end)}`
}

function unescapeHtml(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|#0?39|#x27);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
  )
}

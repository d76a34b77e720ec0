import { setupTools } from '~/domain/claim/setup-tools'
import type { ToolId } from '~/domain/workshop-file'
import { setupScriptUrl } from '~/urls'

/** The one line that sets this tool up; null for a tool without a configuration of its own. */
export function setupLine(
  origin: string,
  tool: ToolId,
): { text: string; powershell: string } | null {
  if (!(setupTools as readonly string[]).includes(tool)) return null
  const address = `${origin}${setupScriptUrl}`
  return {
    text: `curl -fsS ${address} | node - ${tool}`,
    powershell: `irm ${address} | node - ${tool}`,
  }
}

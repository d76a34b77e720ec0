/** How bad something is, for a callout, a meter or a headline. Colours for it stand in the styles. */
export type Tone = 'ok' | 'warning' | 'error'

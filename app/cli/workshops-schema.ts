/**
 * `npm run workshops:schema`: writes docs/workshop-file.schema.json, by which editors complete and
 * check a workshop file. Run it after a change to the fields; a test says when it is old.
 */
import { writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { editorSchema } from '../domain/workshop/editor-schema'

const file = 'docs/workshop-file.schema.json'
const options = await resolveConfig(file)
writeFileSync(file, await format(JSON.stringify(editorSchema()), { ...options, filepath: file }))

import { printable } from '../../core/text.js'

/**
 * Reads JSON of the server. Whatever text is in it may be a guest's, an image's or another program's words: nothing in it turns the
 * direction of the text around it or hides what is written.
 */
export function readJson(json: string): unknown {
  return JSON.parse(json, (_, value: unknown) => (typeof value === 'string' ? printable(value) : value))
}

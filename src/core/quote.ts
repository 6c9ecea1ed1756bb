/** More of what somebody wrote tells nobody more. */
const longest = 80

/** A text within a message: in double quotes, control characters escaped, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text, longest))
}

/** A text of at most `length` characters, with `...` in place of its end where it was longer. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`
}

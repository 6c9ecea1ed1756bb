// What can be typed into a guest's keyboard: the keys of a US keyboard, as the action `type --screen` knows them.

const typable = /[\n\t -~]/

/** The characters of a text that no key writes, each once, in their order. */
export function untypable(text: string): string[] {
  return [...new Set(Array.from(text.replaceAll('\r\n', '\n')).filter((char) => !typable.test(char)))]
}

/** A text as the word of `type`, in which backslashes begin escapes. */
export function asTyped(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

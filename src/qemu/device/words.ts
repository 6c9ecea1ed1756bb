import type { Option, Words } from '../../model/machine.js'

/** The user's words as options, grouped for `explain`: a flag with the word behind it, where that is no flag itself. */
export function pairs(words: Words): Option[] {
  const options: Option[] = []
  for (let at = 0; at < words.length; at++) {
    const flag = words[at] ?? ''
    const value = words[at + 1]
    if (flag.startsWith('-') && value !== undefined && !value.startsWith('-')) {
      options.push([flag, value])
      at++
    } else options.push([flag])
  }
  return options
}

/** An option whose value is JSON: the only form in which a comma in a file name means nothing. */
export function json(flag: '-blockdev' | '-device' | '-netdev' | '-object', value: object): Option {
  return [flag, JSON.stringify(value)]
}

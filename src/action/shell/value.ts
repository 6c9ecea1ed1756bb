// Values after `name=` and `--flag=`, as the scripts write them.
import { quoteWord } from '../../core/words.js'
import { shells, type Offer, type Source } from './offer.js'

/** `drive_if=`, `--drive=`: each beginning that the scripts know values for. */
export function valuesOf({ actions, commands, settings }: Offer): { readonly begin: string; readonly source: Source }[] {
  const flags = [...actions, ...commands].flatMap((row) => row.flags).map(({ text, source }) => ({ begin: text, source }))
  const all = [...settings.map(({ name, source }) => ({ begin: `${name}=`, source })), ...flags]
  const known = all.filter(({ source }) => source !== 'none')
  return known.filter(({ begin }, at) => known.findIndex((one) => one.begin === begin) === at)
}

/** The same as lines of a `case` that sets `source`, for bash and zsh. */
export function valueCases(offer: Offer): string {
  return valuesOf(offer)
    .map(({ begin, source }) => `    '${begin}') source=${quoteWord(sourceText(source))} ;;`)
    .join('\n')
}

/** `vms`, `files`, ... or, after a colon, the choices themselves. */
export function sourceText(source: Source): string {
  if (source === 'shells') return `:${shells.join(' ')}`
  return typeof source === 'string' ? source : `:${source.choices.join(' ')}`
}

import type { CheckLevel } from '../model/guest.js'

/** How far an image was checked, in words. */
export const levelWords: Readonly<Record<CheckLevel, string>> = {
  pinned: 'checked by a digest that was known before',
  signed: "checked by its vendor's signature",
  https: 'checked by https only',
  none: 'not checked',
}

import type { Fragment } from '../pure/route.js'
import { vmUrl } from '../link/place.js'
import { Icon } from './icon.js'

/** Opens a screen or a console with nothing around it. */
export function OwnWindow({ id, view }: { readonly id: string; readonly view: Fragment }) {
  return (
    <a class="button" href={vmUrl(id, view)} target="_blank" rel="noopener">
      <Icon name="window" />
      <span>Own window</span>
    </a>
  )
}

import type { ComponentChildren } from 'preact'
import { go } from '../link/place.js'

interface Props {
  readonly href: string
  readonly children: ComponentChildren
  readonly class?: string
  readonly title?: string
  readonly tabIndex?: number
  readonly 'aria-label'?: string
  readonly 'aria-hidden'?: boolean
  readonly 'aria-current'?: 'page'
}

/** Goes to another view without loading the page again; with a modifier key the browser does what it always does. */
export function Link({ href, children, ...others }: Props) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(href)
  }
  return (
    <a href={href} onClick={follow} {...others}>
      {children}
    </a>
  )
}

import type { ComponentChildren } from 'preact'

export type Fact = readonly [name: string, value: ComponentChildren]

/** Names and values, as `nbsvm VM status` prints them. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value], at) => (
        <div key={at}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Why what is asked for is not there; nothing while it comes. */
export function Missing({ fault }: { readonly fault: string | undefined }) {
  return fault === undefined ? null : <p class="warning">{fault}</p>
}

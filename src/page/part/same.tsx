import { Component, type ComponentType, type FunctionComponent } from 'preact'

/** Has a component drawn again only when one of its properties is another value. */
export function ifChanged<P extends object>(Inner: ComponentType<P>): FunctionComponent<P> {
  class Kept extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as Record<string, unknown>
      return Object.entries(next).some(([name, value]) => !Object.is(value, now[name]))
    }

    override render() {
      return <Inner {...this.props} />
    }
  }
  return (props) => <Kept {...props} />
}

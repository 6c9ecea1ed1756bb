// Exit statuses.
import { actions } from '../action/rows.js'

/** What ssh(1) ends with where it has failed itself. */
const notTheirs = 255

/**
 * The exit status of a line that one of these steps has failed in. Where one of them gives back that of a program in the guest, which
 * may be 1 as well, another says that nbsvm could not do it.
 */
export function toldApart(status: number, steps: readonly { readonly name: string }[]): number {
  const givesTheirs = steps.some((step) => actions.some(({ name, givesStatus }) => givesStatus && name === step.name))
  return status === 1 && givesTheirs ? notTheirs : status
}

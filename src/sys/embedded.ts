// Whether this nbsvm is a library, in a thread of somebody else's program: then neither the process nor its first words are its own.

let isLibrary = false

/** Says that it is one; for good. */
export function becomeLibrary(): void {
  isLibrary = true
}

export function isEmbedded(): boolean {
  return isLibrary
}

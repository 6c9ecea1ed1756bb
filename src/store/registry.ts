// Every kind of store by its name. A new one is a row here, and is loaded only by those who have it.
import type { Store } from './store.js'

export const stores = {
  dir: async ({ folder }: { readonly folder: string }): Promise<Store> => (await import('./dir/dir.js')).dirStore({ folder }),
}

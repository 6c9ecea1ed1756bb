// All mutations, by room. To add one: say what is wrong then, copy the text that makes it right, and name the test that knows.
import type { Mutation } from './mutation.js'
import { store } from './store.js'
import { sys } from './sys.js'

export const mutations: readonly Mutation[] = [...store, ...sys]

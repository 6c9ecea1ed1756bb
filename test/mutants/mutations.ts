// All mutations, by room. To add one: say what is wrong then, copy the text that makes it right, and name the test that knows.
import { face } from './face.js'
import { guest } from './guest.js'
import { image } from './image.js'
import type { Mutation } from './mutation.js'
import { qemu } from './qemu.js'
import { store } from './store.js'
import { sys } from './sys.js'
import { vm } from './vm.js'

export const mutations: readonly Mutation[] = [...sys, ...store, ...image, ...vm, ...qemu, ...face, ...guest]

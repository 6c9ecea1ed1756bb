import { makePrivateFolder, readText, writeWhole } from '../../sys/file.js'
import type { Drawer } from './drawer.js'

/** Writes the VM's class into its drawer, which is made: the id alone does not tell `win-foo` from `foo` in class `win`. */
export function rememberClass({ drawer, class: vmClass }: { readonly drawer: Drawer; readonly class: string | undefined }): void {
  if (vmClass === undefined || readText(drawer.class) === `${vmClass}\n`) return
  makePrivateFolder(drawer.folder)
  writeWhole(drawer.class, `${vmClass}\n`)
}

/** The class of the VM with this id, read from its drawer's `file`; undefined for none. Only an id with a dash in it can have one. */
export function rememberedClass(id: string, file: string): string | undefined {
  const vmClass = id.includes('-') ? readText(file)?.trim() : undefined
  return vmClass !== undefined && vmClass !== '' && id.startsWith(`${vmClass}-`) ? vmClass : undefined
}

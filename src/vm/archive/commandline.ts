// A VM from a command line of QEMU: its disks are copied, the rest becomes settings. QEMU is not run.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import type { SettingTexts } from '../../config/fold.js'
import { settingsTable, type SettingName } from '../../config/settings.js'
import type { OnProgress, Source, Store } from '../../store/store.js'
import { realPath } from '../../sys/file.js'
import type { Vm } from '../record/vm.js'
import { freshRecord } from './believed.js'
import { copyInto, foreignSource } from './disk.js'
import type { Imported } from './importfile.js'
import { makeNew, noteOwnFile, requireFree, type Importing } from './makenew.js'
import { readQemuLine, type LineDisk } from './qemuline.js'
import { splitWords, quoteWords } from '../../core/words.js'

/** Makes it. */
export async function importCommandLine(
  asked: Vm,
  line: string,
  importing: Importing & { readonly onProgress?: OnProgress | undefined },
): Promise<Imported> {
  requireFree(asked)
  const { settings, disks, leftOut } = readQemuLine(line)
  const sources: Source[] = []
  for (const disk of disks) sources.push(await sourceOf(disk, importing))
  noteOwnFile(asked, importing.note)
  for (const one of leftOut) importing.note?.(`not taken over: ${one}`)
  const fill = async (vm: Vm, store: Store): Promise<void> => {
    for (const source of sources) await copyInto(vm, store, source, importing)
  }
  const made = { from: 'a command line', record: freshRecord(asked), settings: checked(settings), drives: [], fill }
  return { id: asked.id, added: await makeNew(asked, made, importing) }
}

/** The file is what its bytes say: where the line says another thing, one of them is wrong. */
async function sourceOf({ file, format }: LineDisk, importing: Importing): Promise<Source> {
  const found = realPath(file)
  if (found === undefined)
    throw new Failure(`there is no ${file}`, {
      code: 'FILE_MISSING',
      hints: ['relative names are of the folder that you are in'],
    })
  const source = await foreignSource(found, file, importing)
  if (format === undefined || format === source.image.format || source.image.kind === 'block') return source
  throw new Failure(`${file} is to be ${format}, the line says, and its bytes say ${source.image.format}`, {
    code: 'DRIVE_DAMAGED',
    hints: ['a guest that writes a raw disk can make it look like anything: see what it is'],
  })
}

/** As they stand in a settings file: names of files are absolute there. */
function checked(settings: SettingTexts): SettingTexts {
  const { cdrom } = settings
  const all =
    cdrom === undefined ? settings : { ...settings, cdrom: quoteWords(splitWords(cdrom).map((name) => path.resolve(name))) }
  for (const [name, text] of Object.entries(all)) settingsTable[name as SettingName].quantity.parse(text)
  return all
}

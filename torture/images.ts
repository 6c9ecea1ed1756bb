// Images that want more than to be copied: other files of the host, endless work, memory without bounds, what is not there. Each is refused with its
// reason, in bounded time and memory, and no byte of the host gets into a drive.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { badArchives } from './badarchives.js'
import { badImages, secret, type BadImage } from './badimages.js'
import type { Job, Row } from './row.js'
import { inTime, inWorld, orphansIn, type World } from './world.js'

/** What a user waits for a refusal, on a machine that does other things too. */
const mostMs = 20_000
/** Of nbsvm and of each program that it runs: address space that is really used. */
const mostRssKb = 500 * 1024

export const images: Row = {
  name: 'images',
  what: 'malicious images (backing chains, data files, vmdk extents, json:, loops, huge tables, truncated), and archives for import',
  minutes: 10,
  run: (job) => inWorld((world) => tryAll(job, world)),
}

async function tryAll(job: Job, world: World): Promise<void> {
  const folder = path.join(world.outside, 'images')
  fs.mkdirSync(folder)
  fs.writeFileSync(path.join(folder, 'secret'), secret.repeat(4096))
  if (!leaks(folder)) throw new Error('bytes of the host are not seen where they are')
  const archive = path.join(folder, 'archive')
  await world.works('gold', 'drive_size=4M', 'newimg', 'export', archive, 'rm', '--yes')
  const all = [...badImages, ...badArchives(fs.readFileSync(archive))]
  const chosen = job.isShort ? [...job.turns(0, 4)].map(({ random }) => random.pick(all)) : all
  let tries = 0
  for (const bad of chosen) {
    job.trace(bad.name)
    const file = path.join(folder, `${bad.name.replaceAll(/\W+/g, '-')}.img`)
    bad.make(file, path.join(folder, 'secret'))
    const ofImages = [
      ['t', `source=${file}`, 'clone'],
      ['t', `source=${file}`, 'snapshot'],
      ['t', `image=${file}`, 'newimg'],
    ]
    for (const words of [...(badImages.includes(bad) ? ofImages : []), ['t', 'import', file]]) {
      tries++
      for (const fault of await tryOne(world, words, bad)) job.found(`${bad.name}, ${words.join(' ')}: ${fault}`)
    }
    fs.rmSync(file, { force: true, recursive: true })
  }
  job.done(`${new Set(chosen).size} kinds, ${tries} tries`)
}

async function tryOne(world: World, words: readonly string[], { mayBeTaken }: BadImage): Promise<string[]> {
  const begun = performance.now()
  const watch = watchMemory(world.folder)
  const { status, stderr, isLate } = await inTime(world, words, { timeoutMs: mostMs })
  const ms = performance.now() - begun
  const rssKb = watch()
  const left = await orphansIn(world, 2000)
  const drives = path.join(world.folder, 'drives')
  const faults = [
    ...(isLate ? [`not refused within ${mostMs} ms`] : []),
    ...(status === 0 && mayBeTaken !== true ? ['taken'] : []),
    ...(status !== 0 && !isLate && !/^nbsvm: .{20}/m.test(stderr) ? [`refused without a reason: ${stderr}`] : []),
    ...(/bug in nbsvm/.test(stderr) ? [stderr] : []),
    ...(rssKb > mostRssKb ? [`${(rssKb / 1024).toFixed(0)} MB of memory in ${ms.toFixed(0)} ms`] : []),
    ...left.map((told) => `still there: ${told}`),
    ...(leaks(world.folder) ? ['bytes of the host are in a drive'] : []),
  ]
  if (status === 0) await world.works('t', 'rm', '--yes')
  else if (fs.existsSync(drives) && fs.readdirSync(drives).some((name) => name.startsWith('nbsvm-t-')))
    faults.push('a drive was left')
  await world.works('images', 'prune')
  return faults
}

function leaks(folder: string): boolean {
  try {
    execFileSync('grep', ['-rqF', secret.trim(), folder])
    return true
  } catch {
    return false
  }
}

/** The most memory that a program of the home has had, in KB, once it is asked. */
function watchMemory(folder: string): () => number {
  let most = 0
  const timer = setInterval(() => {
    for (const pid of fs.readdirSync('/proc')) {
      try {
        if (!/^\d+$/.test(pid) || !fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder)) continue
        const peak = /^VmHWM:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        most = Math.max(most, Number(peak ?? 0))
      } catch {
        // It has ended.
      }
    }
  }, 50)
  return () => {
    clearInterval(timer)
    return most
  }
}

// Where the code of each verb is: a file of its own, loaded when it is called. What nbsvm alone does, and does most often, is
// loaded with the program.
import { ls } from './ls.js'
import type { Command, Verb } from './verb.js'

/** The actions of `rows.ts`, by name. */
export const actionCode: Readonly<Record<string, () => Promise<Verb>>> = {
  newimg: async () => (await import('./newimg.js')).newimg,
  snapshot: async () => (await import('./snapshot.js')).snapshot,
  clone: async () => (await import('./clone.js')).clone,
  start: async () => (await import('./start.js')).start,
  stop: async () => (await import('./stop.js')).stop,
  shutdown: async () => (await import('./shutdown.js')).shutdown,
  pause: async () => (await import('./pause.js')).pause,
  resume: async () => (await import('./resume.js')).resume,
  reset: async () => (await import('./reset.js')).reset,
  ssh: async () => (await import('./ssh.js')).ssh,
  console: async () => (await import('./console.js')).consoleVerb,
  monitor: async () => (await import('./monitor.js')).monitor,
  vnc: async () => (await import('./vnc.js')).vnc,
  web: async () => (await import('./web.js')).webVerb,
  exec: async () => (await import('./exec.js')).exec,
  cp: async () => (await import('./cp.js')).cp,
  log: async () => (await import('./log.js')).log,
  wait: async () => (await import('./wait.js')).wait,
  type: async () => (await import('./type.js')).type,
  key: async () => (await import('./key.js')).key,
  screenshot: async () => (await import('./screenshot.js')).screenshot,
  run: async () => (await import('./run.js')).run,
  status: async () => (await import('./status.js')).status,
  explain: async () => (await import('./explain.js')).explain,
  export: async () => (await import('./export.js')).exportVerb,
  import: async () => (await import('./import.js')).importVerb,
  adopt: async () => (await import('./adopt.js')).adopt,
  enable: async () => (await import('./enable.js')).enable,
  disable: async () => (await import('./disable.js')).disable,
  forward: async () => (await import('./forward.js')).forward,
  attach: async () => (await import('./attach.js')).attach,
  detach: async () => (await import('./detach.js')).detach,
  eject: async () => (await import('./eject.js')).eject,
  balloon: async () => (await import('./balloon.js')).balloon,
  freeze: async () => (await import('./freeze.js')).freeze,
  fork: async () => (await import('./fork.js')).fork,
  checkpoint: async () => (await import('./checkpoint.js')).checkpoint,
  rollback: async () => (await import('./rollback.js')).rollback,
  checkpoints: async () => (await import('./checkpoints.js')).checkpoints,
  backup: async () => (await import('./backup.js')).backup,
  backups: async () => (await import('./backups.js')).backups,
  restore: async () => (await import('./restore.js')).restore,
  save: async () => (await import('./save.js')).save,
  resize: async () => (await import('./resize.js')).resize,
  move: async () => (await import('./move.js')).move,
  send: async () => (await import('./send.js')).send,
  receive: async () => (await import('./receive.js')).receive,
  rm: async () => (await import('./rm.js')).rm,
  'rm-drive': async () => (await import('./rm-drive.js')).rmDrive,
}

/** The commands of `rows.ts`, by name. */
export const commandCode: Readonly<Record<string, () => Promise<Command>>> = {
  ls: async () => ls,
  'ssh-config': async () => (await import('./ssh-config.js')).sshConfig,
  inventory: async () => (await import('./inventory.js')).inventory,
  web: async () => (await import('./web.js')).web,
  doctor: async () => (await import('./doctor.js')).doctor,
  images: async () => (await import('./images.js')).images,
  pacemaker: async () => (await import('./pacemaker.js')).pacemaker,
  help: async () => (await import('./help.js')).help,
  completion: async () => (await import('./completion.js')).completion,
  man: async () => (await import('./man.js')).man,
  version: async () => (await import('./version.js')).version,
}

/** What `nbsvm help NAME` says of an action or a command. */
export async function helpText(name: string): Promise<string> {
  const code = await (actionCode[name] ?? commandCode[name])?.()
  return code?.help ?? ''
}

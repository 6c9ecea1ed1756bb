import { Failure } from '../core/errors.js'

/** QEMU understood a command and refused it. */
export class QmpError extends Failure {
  override readonly code = 'QEMU_REFUSED'
  /** QEMU's class of error: `GenericError`, `DeviceNotFound`, `CommandNotFound`, ... */
  readonly class: string
  /** QEMU's own words. */
  readonly desc: string
  /** The command and its arguments, as they were sent. */
  readonly sent: string

  constructor(command: string, sent: string, answer: { readonly class: string; readonly desc: string }) {
    super(`QEMU refused ${command}: ${answer.desc}`, { hints: [`QMP sent: ${shorten(sent)}`] })
    this.class = answer.class
    this.desc = answer.desc
    this.sent = sent
  }
}

/** The connection is gone, or QEMU does not answer: nobody knows whether what was sent has been done. */
export class QmpDisconnected extends Failure {
  override readonly code = 'QEMU_REFUSED'
}

/** QEMU ended before it answered; why is in what it wrote. */
export class QemuEnded extends Failure {
  override readonly code = 'QEMU_REFUSED'
  /** As a shell says it; undefined where it is not known. */
  readonly qemuStatus: number | undefined

  constructor(qemuStatus: number | undefined, cause?: unknown) {
    super(`QEMU ended before it answered${qemuStatus === undefined ? '' : ` (exit status ${qemuStatus})`}`, { cause })
    this.qemuStatus = qemuStatus
  }
}

function shorten(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}...` : text
}

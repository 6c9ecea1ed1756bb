// What went wrong, for programs: by its code.
import { Failure, failureCodes, host, UsageError } from 'nbsvm'

const here = host()
try {
  await here.vm('box').start()
} catch (error) {
  if (!(error instanceof Failure) || error.code !== 'VM_RUNNING') throw error
  console.log(error.message, error.hints, failureCodes[error.code])
}
try {
  here.vm('no/name')
} catch (error) {
  console.log(error instanceof UsageError && error.code)
}

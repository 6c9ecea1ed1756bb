// Of what the system says of an open file.
import { errorCode } from '../core/errors.js'

/** Does something to an open file: what the system says of that tells not which, so its errors get its name. */
export function named<T>(file: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw withName(error, file)
  }
}

/** The error with the name of the file, where it has none. */
export function withName(error: unknown, file: string): unknown {
  if (errorCode(error) === undefined || !(error instanceof Error) || 'path' in error) return error
  error.message += ` '${file}'`
  return Object.assign(error, { path: file })
}

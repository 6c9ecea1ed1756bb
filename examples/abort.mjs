// Giving up: nothing stays half made.
import { AbortError, host } from 'nbsvm'

const box = host().vm('box')
try {
  await box.wait('what it never says', { signal: AbortSignal.timeout(500) })
} catch (error) {
  if (!(error instanceof AbortError)) throw error
  console.log(error.name, error.cause)
}
